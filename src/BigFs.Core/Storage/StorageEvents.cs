using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>The log events of a datanode's storage; ids 300 to 399, never reused.</summary>
internal static partial class StorageEvents
{
    [LoggerMessage(300, LogLevel.Information,
        "Volume store {Directory} of node {Node} opened: {Volumes} volumes, stopped cleanly before: {CleanStart}.")]
    public static partial void StoreOpened(ILogger logger, string directory, NodeId node, int volumes, bool cleanStart);

    [LoggerMessage(301, LogLevel.Error, "Volume {Volume} is damaged and read-only from now on: {Damage}.")]
    public static partial void VolumeDamaged(ILogger logger, VolumeId volume, string damage);

    [LoggerMessage(302, LogLevel.Error, "Writing volume {Volume} failed; it is read-only from now on.")]
    public static partial void VolumeFailed(ILogger logger, Exception exception, VolumeId volume);

    [LoggerMessage(303, LogLevel.Information,
        "The log of volume {Volume} ends at {End}; {Bytes} bytes behind it, never acknowledged, were cut.")]
    public static partial void TailCut(ILogger logger, VolumeId volume, long end, long bytes);

    [LoggerMessage(304, LogLevel.Error, "Chunk {Key} of volume {Volume} does not match its checksum.")]
    public static partial void ChunkDamaged(ILogger logger, ChunkKey key, VolumeId volume);

    [LoggerMessage(305, LogLevel.Error, "Reading chunk {Key} of volume {Volume} failed.")]
    public static partial void ReadFailed(ILogger logger, Exception exception, ChunkKey key, VolumeId volume);

    [LoggerMessage(306, LogLevel.Error, "Writing in the folder {Directory} failed.")]
    public static partial void FolderFailed(ILogger logger, Exception exception, string directory);

    [LoggerMessage(307, LogLevel.Warning,
        "Volume store {Directory} stopped without its clean marker; the next start checks its volumes again.")]
    public static partial void StoppedUncleanly(ILogger logger, string directory);

    [LoggerMessage(330, LogLevel.Error, "The scrub found chunk {Key} of volume {Volume} bad: {Status}.")]
    public static partial void ScrubFound(ILogger logger, ChunkKey key, VolumeId volume, ChunkStatus status);

    [LoggerMessage(331, LogLevel.Information,
        "The scrub has reread {Chunks} chunks, {Bytes} bytes, in {Time}; {Damaged} of them are damaged or unreadable.")]
    public static partial void Scrubbed(ILogger logger, long chunks, long bytes, TimeSpan time, long damaged);
}
