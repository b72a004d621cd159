namespace BigFs;

/// <summary>A file being written. Disposal without commit aborts, leaves what was there before, and never throws.</summary>
public abstract class BigFsWriter : IAsyncDisposable
{
    /// <summary>Where the content goes. Closing it only ends the content: a StreamWriter or ZipArchive may do so.</summary>
    public abstract Stream Content { get; }

    /// <summary>Writes out what is buffered and makes the file visible; once.</summary>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.UploadAsync"/>.</exception>
    public abstract Task<UploadResult> CommitAsync(CancellationToken cancellationToken = default);

    /// <summary>Aborts unless committed.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A file being read: seekable, pinned to one version, every byte verified before it is handed out.</summary>
public abstract class BigFsReadStream : Stream
{
    /// <summary>The version that is read.</summary>
    public abstract BigFsFile File { get; }
}
