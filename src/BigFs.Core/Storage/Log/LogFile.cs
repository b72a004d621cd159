namespace BigFs.Core.Storage;

/// <summary>
/// A log's open file, held by its volume and by whoever reads from it; closed when the last of them lets go. A compacted
/// volume goes on with another file, while readers finish with the old one. Thread-safe.
/// </summary>
internal sealed class LogFile(IDiskFile file, uint seed, Guid salt)
{
    private int _holders = 1;

    public IDiskFile File => file;

    /// <summary>Where its header checksums begin.</summary>
    public uint Seed => seed;

    public Guid Salt => salt;

    /// <summary>Takes a hold; only whoever knows of another hold may.</summary>
    public LogFile Hold()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>Lets go.</summary>
    public ValueTask ReleaseAsync() =>
        Interlocked.Decrement(ref _holders) == 0 ? file.DisposeAsync() : ValueTask.CompletedTask;
}
