namespace BigFs.Hosting.Gateway.Files;

/// <summary>Errors that the gateway finds by looking at what stands at a path.</summary>
internal static class FileErrors
{
    public static BigFsException NotFound(BigFsPath path) =>
        new(BigFsErrorCode.NotFound, $"Nothing exists at \"{path}\".") { Path = path.ToString() };

    public static BigFsException IsDirectory(BigFsPath path) =>
        new(BigFsErrorCode.IsDirectory, $"\"{path}\" is a directory.") { Path = path.ToString() };
}
