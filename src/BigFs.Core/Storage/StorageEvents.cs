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

    [LoggerMessage(310, LogLevel.Warning, "The index file of volume {Volume} cannot be used; it is made anew from the log.")]
    public static partial void IndexUnusable(ILogger logger, Exception? exception, VolumeId volume);

    [LoggerMessage(311, LogLevel.Warning,
        "The index file of volume {Volume} could not be written; its index stays in memory.")]
    public static partial void IndexNotWritten(ILogger logger, Exception exception, VolumeId volume);

    [LoggerMessage(312, LogLevel.Information, "The index of volume {Volume} was written: {Entries} keys, {Live} of them live.")]
    public static partial void IndexWritten(ILogger logger, VolumeId volume, long entries, long live);

    [LoggerMessage(314, LogLevel.Information,
        "Volume {Volume} was compacted from {Before} to {After} bytes; {Live} chunks live in it.")]
    public static partial void VolumeCompacted(ILogger logger, VolumeId volume, long before, long after, long live);

    [LoggerMessage(315, LogLevel.Warning, "Compacting volume {Volume} failed; it stays as it was.")]
    public static partial void CompactionFailed(ILogger logger, Exception exception, VolumeId volume);

    [LoggerMessage(316, LogLevel.Error,
        "Volume {Volume} is not compacted: chunk {Key} does not match its checksum, and nothing damaged is dropped.")]
    public static partial void CompactionStopped(ILogger logger, ChunkKey key, VolumeId volume);

    [LoggerMessage(317, LogLevel.Warning,
        "Volume {Volume} could be compacted by {Dead} bytes, but {Left} bytes of room are needed and {Free} are free.")]
    public static partial void NoRoomToCompact(ILogger logger, VolumeId volume, long dead, long left, long free);

    [LoggerMessage(318, LogLevel.Error, "The compactor of {Directory} has stopped.")]
    public static partial void CompactorFailed(ILogger logger, Exception exception, string directory);

    [LoggerMessage(313, LogLevel.Warning, "The unfinished file {Path} could not be removed; the next start removes it.")]
    public static partial void LeftoverStays(ILogger logger, Exception exception, string path);
}
