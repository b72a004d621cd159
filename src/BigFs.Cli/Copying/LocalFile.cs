namespace BigFs.Cli.Copying;

/// <summary>Local files of a copy.</summary>
internal static class LocalFile
{
    /// <summary>Opens a file, a pipe or a device for reading.</summary>
    public static FileStream OpenRead(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.Open,
        Access = FileAccess.Read,
        Share = FileShare.ReadWrite | FileShare.Delete,
        BufferSize = 0,
        Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
    });

    /// <summary>
    /// Writes a file whole or not at all: beside its place first, then into it. A link keeps its target's place, and a
    /// device is written to as it is. Missing folders above are made.
    /// </summary>
    public static async Task<T> WriteAsync<T>(string path, Func<Stream, Task<T>> write)
    {
        bool isLink = new FileInfo(path).LinkTarget is not null;
        string target = isLink ? File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName : path;
        if (IsDevice(target))
        {
            await using FileStream device = Open(target, FileMode.Open);
            return await write(device);
        }

        string folder = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(folder);
        // Short, so that it fits wherever the name itself fits.
        string part = Path.Combine(folder, $".bigfs-{Guid.NewGuid():N}"[..20]);
        try
        {
            T result;
            await using (FileStream file = Open(part, FileMode.CreateNew))
            {
                result = await write(file);
            }

            File.Move(part, target, overwrite: true);
            return result;
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    private static FileStream Open(string path, FileMode mode) => new(path, new FileStreamOptions
    {
        Mode = mode,
        Access = FileAccess.Write,
        Share = FileShare.Read,
        BufferSize = 0,
        Options = FileOptions.Asynchronous,
    });

    private static bool IsDevice(string path) => !OperatingSystem.IsWindows()
        && (path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal));
}
