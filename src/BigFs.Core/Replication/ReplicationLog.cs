using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Replication;

/// <summary>Events of bringing replicas together; ids 3100 to 3199.</summary>
internal static partial class ReplicationLog
{
    [LoggerMessage(3101, LogLevel.Warning, "{Purpose} of volume {Volume} (epoch {Epoch}): datanode {Node} is left out: {Status}")]
    public static partial void MemberFailed(
        ILogger logger, JoinPurpose purpose, VolumeId volume, long epoch, NodeId node, ChunkStatus status);

    [LoggerMessage(3102, LogLevel.Error, "Volume {Volume} is gone from datanode {Node}; it is made anew from its peers")]
    public static partial void ReplicaGone(ILogger logger, VolumeId volume, NodeId node);

    [LoggerMessage(3103, LogLevel.Error, "Chunk {Key} of volume {Volume} has different bytes on different datanodes")]
    public static partial void Conflict(ILogger logger, ChunkKey key, VolumeId volume);

    [LoggerMessage(3104, LogLevel.Information, "Volume {Volume}: {Count} chunks, {First} first, are only on members that are not verified; they stay")]
    public static partial void Surplus(ILogger logger, VolumeId volume, int count, ChunkKey first);

    [LoggerMessage(3105, LogLevel.Error, "Chunk {Key} of volume {Volume} could not be brought to datanode {Node}: {Status}")]
    public static partial void ChunkNotCopied(ILogger logger, ChunkKey key, VolumeId volume, NodeId node, ChunkStatus status);

    [LoggerMessage(
        3106,
        LogLevel.Warning,
        "Volume {Volume}: {Count} chunks, {First} first, are deleted on some members and live on others; a mark may be older than the restored names, so they stay")]
    public static partial void MarksKept(ILogger logger, VolumeId volume, int count, ChunkKey first);
}
