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
    /// Most bytes prepared on the disk ahead of need, all open volumes together; 0 or more, default 64 MiB. Given back
    /// when a volume is sealed and at a clean stop.
    /// </summary>
    public long PreparedBytesPerNode { get; init; } = 64L << 20;

    /// <summary>Most bytes of chunks in memory on their way to the disk; at least 66 MiB, default 256 MiB.</summary>
    public long BufferBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Bytes of the disk that chunks leave free, so that a full disk still takes delete marks, fences and seals; 0 or more,
    /// default 256 MiB.
    /// </summary>
    public long ReservedBytes { get; init; } = 256L << 20;

    /// <summary>How stored chunks are reread.</summary>
    public ScrubOptions Scrub { get; init; } = new();

    /// <summary>
    /// Source of the node's id and of the logs' salts, so that a simulation can be repeated; null (default): the system's.
    /// </summary>
    internal Random? Random { get; init; }

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
        SettingsCheck.Require(ReservedBytes >= 0, nameof(ReservedBytes), ReservedBytes, "0 or more");
        Scrub.Validate();
    }
}
