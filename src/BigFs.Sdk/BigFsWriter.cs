namespace BigFs;

/// <summary>A file being written. Disposal without commit aborts, leaves what was there before, and never throws.</summary>
public abstract class BigFsWriter : IAsyncDisposable
{
    /// <summary>
    /// Where the content goes, from beginning to end, one write at a time. Closing it only ends the content: a StreamWriter
    /// or ZipArchive may do so. A write waits only while all chunks are in flight; a synchronous one then holds its thread.
    /// A write that was cancelled leaves the content incomplete, and the commit is refused.
    /// </summary>
    public abstract Stream Content { get; }

    /// <summary>
    /// Writes out what is buffered and makes the file visible; once. Cancelling while the last step is under way may come
    /// too late: then the file may stand although <see cref="OperationCanceledException"/> is thrown.
    /// </summary>
    /// <exception cref="InvalidOperationException">Committed or disposed before, or a write was cut short.</exception>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.UploadAsync"/>.</exception>
    public abstract Task<UploadResult> CommitAsync(CancellationToken cancellationToken = default);

    /// <summary>Aborts unless committed.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>
/// A file being read: seekable, pinned to one version, every byte verified before it is handed out. One read at a time.
/// Prefer asynchronous reads: a synchronous one holds its thread while bytes have to be fetched. A failed or cancelled
/// read may be repeated.
/// </summary>
/// <remarks>Reads throw <see cref="BigFsException"/>: Damaged, VersionExpired, Unavailable, TimedOut.</remarks>
public abstract class BigFsReadStream : Stream
{
    /// <summary>The version that is read.</summary>
    public abstract BigFsFile File { get; }
}
