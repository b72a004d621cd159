using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>Settings of a datanode's volume store.</summary>
public sealed record VolumeStoreOptions
{
    /// <summary>The node's folder, an absolute path; made when it is missing.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>
    /// A volume whose log has reached so many bytes takes no more appends; at least 1 MiB, default 1 GiB. The last chunk
    /// may reach beyond it.
    /// </summary>
    public long VolumeSizeBytes { get; init; } = Limits.DefaultVolumeSizeBytes;

    /// <summary>
    /// Most bytes prepared on the disk ahead of need, all open volumes together; 0 or more, default 256 MiB. Given back
    /// when a volume is sealed and at a clean stop.
    /// </summary>
    public long PreparedBytesPerNode { get; init; } = 256L << 20;

    /// <summary>Most bytes of chunks in memory on their way to the disk; at least 66 MiB, default 256 MiB.</summary>
    public long BufferBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Bytes of the disk that chunks leave free, so that a full disk still takes delete marks, fences and seals, and has room to
    /// compact a volume with at most so many live bytes; 0 or more,
    /// default 256 MiB.
    /// </summary>
    public long ReservedBytes { get; init; } = 256L << 20;

    /// <summary>How stored chunks are reread.</summary>
    public ScrubOptions Scrub { get; init; } = new();

    /// <summary>
    /// Most bytes of pages of sealed volumes' index files in memory, all volumes together; at least 1 MiB, default 32 MiB.
    /// </summary>
    public long IndexCacheBytes { get; init; } = 32L << 20;

    /// <summary>
    /// Bytes by which an open volume's log grows between two writings of its index, which spare a start after a crash the
    /// log before; at least 1 MiB, default 256 MiB.
    /// </summary>
    public long IndexCheckpointBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Share of a sealed volume's log that must be taken by deleted chunks before it is compacted; above 0, at most 1 (never);
    /// default 0.4. On a disk that is nearly full 0.1, if that is less.
    /// </summary>
    public double CompactionDeadShare { get; init; } = 0.4;

    /// <summary>Most bytes a second that compaction writes, all volumes together; at least 1 MiB, default 64 MiB.</summary>
    public long CompactionBytesPerSecond { get; init; } = 64L << 20;

    /// <summary>
    /// Source of the node's id and of the logs' salts, so that a simulation can be repeated; null (default): the system's.
    /// </summary>
    internal Random? Random { get; init; }

    /// <summary>A random number for an id or a salt.</summary>
    internal Guid NewGuid()
    {
        if (Random is null)
        {
            return Guid.NewGuid();
        }

        var bytes = new byte[16];
        lock (Random)
        {
            Random.NextBytes(bytes);
        }

        return new Guid(bytes);
    }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidSettings"/>, naming the setting.</exception>
    public void Validate()
    {
        SettingsCheck.Require(
            Path.IsPathFullyQualified(DataDirectory ?? ""), nameof(DataDirectory), DataDirectory, "an absolute path");
        SettingsCheck.Require(VolumeSizeBytes >= 1 << 20, nameof(VolumeSizeBytes), VolumeSizeBytes, "at least 1 MiB");
        SettingsCheck.Require(PreparedBytesPerNode >= 0, nameof(PreparedBytesPerNode), PreparedBytesPerNode, "0 or more");
        SettingsCheck.Require(
            BufferBytes >= ChunkBuffer.CapacityFor(Limits.MaxChunkSize), nameof(BufferBytes), BufferBytes, "at least 66 MiB");
        SettingsCheck.Require(IndexCacheBytes >= 1 << 20, nameof(IndexCacheBytes), IndexCacheBytes, "at least 1 MiB");
        SettingsCheck.Require(
            IndexCheckpointBytes >= 1 << 20, nameof(IndexCheckpointBytes), IndexCheckpointBytes, "at least 1 MiB");
        SettingsCheck.Require(
            CompactionDeadShare is > 0 and <= 1, nameof(CompactionDeadShare), CompactionDeadShare, "above 0, at most 1");
        SettingsCheck.Require(
            CompactionBytesPerSecond >= 1 << 20,
            nameof(CompactionBytesPerSecond),
            CompactionBytesPerSecond,
            "at least 1 MiB");
        SettingsCheck.Require(ReservedBytes >= 0, nameof(ReservedBytes), ReservedBytes, "0 or more");
        Scrub.Validate();
    }
}
