using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;

namespace BigFs.Hosting.NodeManager;

/// <summary>A datanode: what is remembered of it, and its state, which is found out anew at each start.</summary>
internal sealed record NodeEntry(NodeRecord Record, NodeState State)
{
    public NodeId Id => Record.Id;

    public ClusterNode ToClusterNode() => new()
    {
        Id = Record.Id,
        TransferEndpoint = Record.TransferEndpoint,
        ControlEndpoint = Record.ControlEndpoint,
        State = State,
    };
}

/// <summary>The node manager's truth at one moment; immutable.</summary>
internal sealed record ClusterSnapshot
{
    /// <summary>The node manager's term.</summary>
    public required long Term { get; init; }

    /// <summary>The namespace that the cluster is bound to; null before a metadata server was heard.</summary>
    public required Guid? Namespace { get; init; }

    /// <summary>Ids of new volumes begin behind this one.</summary>
    public required long VolumeFloor { get; init; }

    /// <summary>The namespace's generation, and which volumes are older.</summary>
    public required MapGeneration Generation { get; init; }

    public required ImmutableSortedDictionary<NodeId, NodeEntry> Nodes { get; init; }

    public required ImmutableSortedDictionary<VolumeId, VolumeRecord> Volumes { get; init; }

    /// <summary>The same as others see it.</summary>
    public required ClusterMap Map { get; init; }

    public NodeState? StateOf(NodeId node) => Nodes.TryGetValue(node, out NodeEntry? entry) ? entry.State : null;

    public bool IsUp(NodeId node) => StateOf(node) == NodeState.Up;

    public int CountUp() => Nodes.Values.Count(node => node.State == NodeState.Up);
}

/// <summary>What is to change at once: nodes and volumes as they are to be.</summary>
internal sealed record ClusterChange
{
    /// <summary>The namespace that the cluster is to be bound to; null for no change.</summary>
    public Guid? Namespace { get; init; }

    /// <summary>The generation that the namespace has begun; null for no change.</summary>
    public MapGeneration? Generation { get; init; }

    public ImmutableArray<NodeEntry> Nodes { get; init; } = [];

    public ImmutableArray<VolumeRecord> Volumes { get; init; } = [];
}
