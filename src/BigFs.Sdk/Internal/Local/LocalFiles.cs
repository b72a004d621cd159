namespace BigFs.Internal.Local;

/// <summary>Local files as transfers read and write them.</summary>
internal static class LocalFiles
{
    // The engines read and write in chunks: a buffer of the stream's own would only copy.
    private const int NoBuffer = 0;

    /// <summary>Opens a file, pipe or device for a transfer, in order, asynchronously; others may go on writing it.</summary>
    public static FileStream OpenToRead(string file) => new(
        file,
        FileMode.Open,
        FileAccess.Read,
        FileShare.ReadWrite | FileShare.Delete,
        NoBuffer,
        FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>
    /// Writes the file that the caller named: through its link, where it is one, straight into it, where it is a pipe or a
    /// device, and otherwise as <see cref="ReplaceAsync"/>. Missing directories above it are made.
    /// </summary>
    public static async Task<T> WriteAsync<T>(string file, Func<Stream, Task<T>> write)
    {
        string full = Path.GetFullPath(file);
        if (LocalKinds.IsSpecial(full) || LocalKinds.IsOpenFile(full))
        {
            var device = new FileStream(
                full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, NoBuffer, FileOptions.Asynchronous);
            await using (device.ConfigureAwait(false))
            {
                return await write(device).ConfigureAwait(false);
            }
        }

        string target = new FileInfo(full).LinkTarget is null
            ? full
            : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
        if (Path.GetDirectoryName(target) is { } parent)
        {
            Directory.CreateDirectory(parent);
        }

        return await ReplaceAsync(target, write).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes or replaces a file by one that was written whole: in a temporary file of the same directory, renamed at the
    /// end. A link of that name is replaced, not followed.
    /// </summary>
    public static async Task<T> ReplaceAsync<T>(string file, Func<Stream, Task<T>> write)
    {
        string full = Path.GetFullPath(file);
        if (Directory.Exists(full))
        {
            throw new IOException($"\"{full}\" is a directory; the name of a file is expected.");
        }

        // Not made of the file's name, which may be as long as names can be.
        string temporary = Path.Combine(Path.GetDirectoryName(full)!, $".bigfs-{Guid.NewGuid():N}.part");
        try
        {
            T result;
            var stream = new FileStream(
                temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, NoBuffer, FileOptions.Asynchronous);
            await using (stream.ConfigureAwait(false))
            {
                result = await write(stream).ConfigureAwait(false);
            }

            File.Move(temporary, full, overwrite: true);
            return result;
        }
        catch
        {
            DeleteQuietly(temporary);
            throw;
        }
    }

    /// <summary>Deletes what a failed transfer left; the failure itself is what the caller has to hear of.</summary>
    private static void DeleteQuietly(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It keeps its telling name; nothing else can be done about it here.
        }
    }
}
