using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Membership;

/// <summary>
/// Nodes and volumes with their states, epochs and members: the node manager's truth as others see it. Immutable; a
/// higher <see cref="Version"/> is newer.
/// </summary>
public sealed record ClusterMap
{
    /// <summary>The cluster's identity, made by the node manager at its first start.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>Grows with every change, over restarts too.</summary>
    public required long Version { get; init; }

    /// <summary>Replicas of a file that asks for no number of its own.</summary>
    public required int DefaultReplicas { get; init; }

    /// <summary>All nodes, ordered by id.</summary>
    public required ImmutableArray<ClusterNode> Nodes { get; init; }

    /// <summary>All volumes, ordered by id.</summary>
    public required ImmutableArray<ClusterVolume> Volumes { get; init; }
}

/// <summary>A datanode in the map.</summary>
public sealed record ClusterNode
{
    /// <summary>Its identity.</summary>
    public required NodeId Id { get; init; }

    /// <summary>Where its transfer protocol listens, "host:port"; empty in process.</summary>
    public required string TransferEndpoint { get; init; }

    /// <summary>Where its control service listens, "host:port"; empty in process.</summary>
    public required string ControlEndpoint { get; init; }

    /// <summary>Its state.</summary>
    public required NodeState State { get; init; }
}

/// <summary>A volume in the map.</summary>
public sealed record ClusterVolume
{
    /// <summary>Its identity.</summary>
    public required VolumeId Id { get; init; }

    /// <summary>Its epoch.</summary>
    public required long Epoch { get; init; }

    /// <summary>Its state.</summary>
    public required VolumeState State { get; init; }

    /// <summary>Its members under this epoch, ordered by node.</summary>
    public required ImmutableArray<VolumeMember> Members { get; init; }
}

/// <summary>A replica of a volume.</summary>
/// <param name="Node">Who holds it.</param>
/// <param name="Verified">Whether its key set is known to be whole; an unverified one is read from, but never a source.</param>
public readonly record struct VolumeMember(NodeId Node, bool Verified);
