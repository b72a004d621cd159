namespace BigFs.Hosting.Tests.Persistence;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("bigfs-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
