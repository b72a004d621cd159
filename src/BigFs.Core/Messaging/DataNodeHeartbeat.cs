using BigFs.Core.Model;

namespace BigFs.Core.Messaging;

/// <summary>A datanode lives.</summary>
public sealed record DataNodeHeartbeat : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.DataNodeHeartbeats;

    /// <inheritdoc/>
    public override string Key => Node.ToString();

    /// <summary>Who.</summary>
    public required NodeId Node { get; init; }

    /// <summary>Which start of its process.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Counts the heartbeats of this start from 1; one that is not higher than another seen says nothing new.</summary>
    public required long Sequence { get; init; }

    /// <summary>Where its control service listens; empty in process.</summary>
    public required string ControlEndpoint { get; init; }

    /// <summary>How it fares; null when it did not say.</summary>
    public DataNodeLoad? Load { get; init; }
}
