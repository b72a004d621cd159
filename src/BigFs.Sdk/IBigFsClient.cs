namespace BigFs;

/// <summary>
/// A client of a BigFS cluster. Thread-safe and long-lived: make one and share it. Consume or mock it, do not implement
/// it: members may be added, with bodies. Every member throws <see cref="BigFsException"/> for failures of BigFS,
/// <see cref="OperationCanceledException"/> only for the caller's own token, and lets exceptions of the caller's streams
/// pass through.
/// </summary>
public interface IBigFsClient
{
    /// <summary>
    /// Uploads a stream, from its current position to its end; it is read asynchronously only and never disposed. The
    /// file appears whole when this returns, or not at all. Missing parent directories are made.
    /// </summary>
    /// <param name="path">Where the file will stand.</param>
    /// <param name="content">The content; need not be seekable nor know its length.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="cancellationToken">
    /// Cancels; what was there before stays, unless the final step was already under way and could not be called back.
    /// </param>
    /// <exception cref="BigFsException">
    /// NotEnoughNodes before a byte is read; IsDirectory, NotDirectory, AlreadyExists, PreconditionFailed; Unavailable,
    /// TimedOut, OutOfSpace.
    /// </exception>
    Task<UploadResult> UploadAsync(BigFsPath path, Stream content, UploadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Opens a file for writing; it appears with the writer's commit.</summary>
    /// <exception cref="BigFsException">As <see cref="UploadAsync"/>.</exception>
    Task<BigFsWriter> OpenWriteAsync(BigFsPath path, UploadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Downloads a file into a stream; every byte is verified before it is written there.</summary>
    /// <exception cref="BigFsException">NotFound, IsDirectory, Damaged, VersionExpired, Unavailable, TimedOut.</exception>
    Task<BigFsFile> DownloadAsync(BigFsPath path, Stream destination, DownloadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Opens a file for reading: a seekable stream, pinned to the version of now.</summary>
    /// <exception cref="BigFsException">NotFound, IsDirectory, Unavailable, TimedOut.</exception>
    Task<BigFsReadStream> OpenReadAsync(BigFsPath path, DownloadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>The entry at a path; null when nothing is there.</summary>
    Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="FindAsync"/>, but the answer may be so old; that nothing is there is never old.</summary>
    /// <param name="path">The path.</param>
    /// <param name="maxStaleness">Zero to 10 minutes, as of <see cref="DownloadOptions.MaxStaleness"/>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    Task<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken = default) =>
        FindAsync(path, cancellationToken);

    /// <summary>A directory's entries, ordered by the UTF-8 bytes of their names, streamed as they are read.</summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory.</exception>
    IAsyncEnumerable<BigFsEntry> ListAsync(BigFsPath directory, ListOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>One page of a directory; token and page size are in the options.</summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory, InvalidArgument (a token of another directory).</exception>
    Task<BigFsPage> ListPageAsync(BigFsPath directory, ListOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Makes a directory and its parents; existing ones are fine.</summary>
    /// <exception cref="BigFsException">NotDirectory.</exception>
    Task CreateDirectoryAsync(BigFsPath path, CancellationToken cancellationToken = default);

    /// <summary>Deletes a file or directory; false when nothing was there.</summary>
    /// <exception cref="BigFsException">DirectoryNotEmpty (unless recursive), PreconditionFailed.</exception>
    Task<bool> DeleteAsync(BigFsPath path, DeleteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Moves a file or directory to a full new path; missing parents are made.</summary>
    /// <exception cref="BigFsException">NotFound, AlreadyExists, IsDirectory, NotDirectory, InvalidPath.</exception>
    Task<BigFsEntry> MoveAsync(BigFsPath source, BigFsPath destination, MoveOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds up what lies below a directory. The cluster counts in short steps, which takes about a second for each few
    /// hundred thousand entries; an entry that stands throughout counts once, what changes meanwhile may count or not.
    /// </summary>
    /// <param name="path">A directory, or a file.</param>
    /// <param name="progress">Told what was counted so far; null for nobody.</param>
    /// <param name="cancellationToken">Ends the counting, too.</param>
    /// <exception cref="BigFsException">NotFound, NotDirectory (a file above).</exception>
    Task<BigFsTotals> GetTotalsAsync(
        BigFsPath path, IProgress<BigFsTotals>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("This client does not add up directories.");
}
