using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.NodeManager;

/// <summary>Events of the node manager; ids 3001 to 3099.</summary>
internal static partial class NodeManagerLog
{
    [LoggerMessage(3001, LogLevel.Information, "Node manager of cluster {Cluster} begins term {Term}: {Nodes} datanodes, {Volumes} volumes known")]
    public static partial void Started(ILogger logger, string cluster, long term, int nodes, int volumes);

    [LoggerMessage(3002, LogLevel.Information, "Datanode {Node}: {Event}, {Before} -> {After}; {Doubted} volumes became doubtful")]
    public static partial void NodeChanged(
        ILogger logger, NodeId node, NodeEvent @event, NodeState before, NodeState after, int doubted);

    [LoggerMessage(3003, LogLevel.Warning, "Datanode {Node} does not answer: suspect; {Ended} volumes end their appends")]
    public static partial void NodeSuspect(ILogger logger, NodeId node, int ended);

    [LoggerMessage(3004, LogLevel.Warning, "Datanode {Node} was refused: {Reason}")]
    public static partial void NodeRefused(ILogger logger, NodeId node, string reason);

    [LoggerMessage(3005, LogLevel.Warning, "Datanode {Node} has volume {Volume}, which the volume map does not give it; it stays")]
    public static partial void UnknownReplica(ILogger logger, NodeId node, VolumeId volume);

    [LoggerMessage(3006, LogLevel.Error, "Asking datanode {Node} failed")]
    public static partial void ProbeError(ILogger logger, NodeId node, Exception exception);

    [LoggerMessage(3007, LogLevel.Error, "A round of looking after datanodes failed; the next one comes")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(3008, LogLevel.Information, "Volume {Volume}: {Before} -> {After}, epoch {Epoch}")]
    public static partial void VolumeChanged(ILogger logger, VolumeId volume, VolumeState before, VolumeState after, long epoch);

    [LoggerMessage(3009, LogLevel.Information, "Volume {Volume} is made on {Nodes}")]
    public static partial void VolumeMade(ILogger logger, VolumeId volume, string nodes);

    [LoggerMessage(3010, LogLevel.Information, "Volume {Volume}: {Nodes} compared and verified")]
    public static partial void MembersVerified(ILogger logger, VolumeId volume, string nodes);

    [LoggerMessage(3011, LogLevel.Warning, "Volume {Volume} cannot be opened on datanode {Node}: {Status}")]
    public static partial void OpenRefused(ILogger logger, VolumeId volume, NodeId node, ChunkStatus status);

    [LoggerMessage(3012, LogLevel.Error, "A job on volume {Volume} failed; it is tried again")]
    public static partial void JobFailed(ILogger logger, VolumeId volume, Exception exception);

    [LoggerMessage(3013, LogLevel.Error, "Opening volumes ahead of need failed; it is tried again")]
    public static partial void PlanningFailed(ILogger logger, Exception exception);

    [LoggerMessage(3014, LogLevel.Error, "Damage confirmed: chunk {Key} of volume {Volume} on datanode {Node}")]
    public static partial void DamageConfirmed(ILogger logger, ChunkKey key, VolumeId volume, NodeId node);

    [LoggerMessage(3015, LogLevel.Information, "Chunk {Key} of volume {Volume} on datanode {Node} was reported as damaged; looking gave {Status}")]
    public static partial void DamageNotConfirmed(ILogger logger, ChunkKey key, VolumeId volume, NodeId node, ChunkStatus status);

    [LoggerMessage(3017, LogLevel.Warning, "No heartbeats come from {Silent} of {Up} datanodes that are up and answer probes: the bus is silent, nobody is suspect for that")]
    public static partial void BusSilent(ILogger logger, int silent, int up);

    [LoggerMessage(3018, LogLevel.Information, "Heartbeats come again")]
    public static partial void BusHeardAgain(ILogger logger);

    [LoggerMessage(3019, LogLevel.Warning, "Datanode {Node} has not answered for {Silence}: dead; its volumes have fewer replicas until it returns")]
    public static partial void NodeDead(ILogger logger, NodeId node, TimeSpan silence);

    [LoggerMessage(
        3020,
        LogLevel.Warning,
        "Generation {Generation} of the namespace has begun: volumes up to {Floor} may hold delete marks that are older than the restored names, and replicas do not take them from each other")]
    public static partial void GenerationBegun(ILogger logger, long generation, long floor);

    [LoggerMessage(3016, LogLevel.Debug, "Datanode {Node} was reported: {Status}")]
    public static partial void Accused(ILogger logger, NodeId node, ChunkStatus status);
}
