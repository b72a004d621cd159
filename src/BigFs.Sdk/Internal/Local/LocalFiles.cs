namespace BigFs.Internal.Local;

/// <summary>Local files as transfers read and write them.</summary>
internal static class LocalFiles
{
    // The engines read and write in chunks: a buffer of the stream's own would only copy.
    private const int NoBuffer = 0;

    /// <summary>Opens a file for a transfer, in order, asynchronously.</summary>
    public static FileStream OpenToRead(string file) => new(
        file, FileMode.Open, FileAccess.Read, FileShare.Read, NoBuffer, FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>
    /// Makes or replaces a file by one that was written whole: in a temporary file of the same folder, renamed at the end.
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
