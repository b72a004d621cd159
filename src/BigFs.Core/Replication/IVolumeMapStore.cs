using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;

namespace BigFs.Core.Replication;

/// <summary>
/// Where the node manager keeps its truth. One owner at a time; calls come one after the other. What a call changed is
/// durable when it returns.
/// </summary>
public interface IVolumeMapStore : IAsyncDisposable
{
    /// <summary>Begins a term, higher than every one before, and reads everything. Makes the cluster's id at first.</summary>
    /// <exception cref="BigFsException">DataUnreadable, OutOfSpace, Unavailable.</exception>
    ValueTask<VolumeMapContents> BeginTermAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Writes nodes and volumes in one transaction, wholly or not at all. Each volume must still be as its change
    /// expects.
    /// </summary>
    /// <returns>False, and nothing is changed, when an expectation does not hold or the term is over.</returns>
    /// <exception cref="BigFsException">OutOfSpace, Unavailable, DataUnreadable.</exception>
    ValueTask<bool> CommitAsync(VolumeMapCommit commit, CancellationToken cancellationToken);
}

/// <summary>Everything in the store.</summary>
public sealed record VolumeMapContents
{
    /// <summary>The cluster.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>The namespace that names the chunks; null before a metadata server was heard.</summary>
    public Guid? Namespace { get; init; }

    /// <summary>Ids of new volumes begin behind this one: a map that was restored does not know all that were made.</summary>
    public long VolumeFloor { get; init; }

    /// <summary>The namespace's generation as the node manager knows it.</summary>
    public MapGeneration Generation { get; init; } = MapGeneration.First;

    /// <summary>The term that has just begun; 1 or more.</summary>
    public required long Term { get; init; }

    /// <summary>All nodes, ordered by id.</summary>
    public required ImmutableArray<NodeRecord> Nodes { get; init; }

    /// <summary>All volumes, ordered by id.</summary>
    public required ImmutableArray<VolumeRecord> Volumes { get; init; }
}

/// <summary>A datanode as it is remembered over restarts of the node manager.</summary>
public sealed record NodeRecord
{
    /// <summary>Its identity.</summary>
    public required NodeId Id { get; init; }

    /// <summary>Which start of its process was admitted last.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Where its transfer protocol listens; empty in process.</summary>
    public required string TransferEndpoint { get; init; }

    /// <summary>Where its control service listens; empty in process.</summary>
    public required string ControlEndpoint { get; init; }
}

/// <summary>A volume as it is remembered.</summary>
public sealed record VolumeRecord
{
    /// <summary>Its identity.</summary>
    public required VolumeId Id { get; init; }

    /// <summary>Its epoch; only grows.</summary>
    public required long Epoch { get; init; }

    /// <summary>Its state.</summary>
    public required VolumeState State { get; init; }

    /// <summary>
    /// Whether it ever took appends: if not, a member without the replica has lost nothing.
    /// </summary>
    public required bool WasOpen { get; init; }

    /// <summary>Its members, ordered by node.</summary>
    public required ImmutableArray<VolumeMember> Members { get; init; }

    /// <summary>What becomes of it by an event; itself when the event changes nothing in its state.</summary>
    public VolumeRecord After(VolumeEvent happened) =>
        VolumeStates.Next(State, happened) is not { } transition || (transition.Next == State && !NewEpoch(transition))
            ? this
            : this with
            {
                State = transition.Next,
                Epoch = NewEpoch(transition) ? Epoch + 1 : Epoch,
                WasOpen = WasOpen || transition.Next == VolumeState.Open,
            };

    /// <summary>The volume with one member's flag set.</summary>
    public VolumeRecord With(NodeId node, bool verified)
    {
        int index = IndexOf(node);
        return index < 0 || Members[index].Verified == verified
            ? this
            : this with { Members = Members.SetItem(index, new VolumeMember(node, verified)) };
    }

    /// <summary>Whether the node is a member.</summary>
    public bool Has(NodeId node) => IndexOf(node) >= 0;

    private static bool NewEpoch(VolumeTransition transition) => transition.Effects.HasFlag(VolumeEffects.NewEpoch);

    private int IndexOf(NodeId node)
    {
        for (int i = 0; i < Members.Length; i++)
        {
            if (Members[i].Node == node)
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>One transaction on the volume map.</summary>
public sealed record VolumeMapCommit
{
    /// <summary>The writer's term; another one's commits are refused.</summary>
    public required long Term { get; init; }

    /// <summary>Binds the cluster to a namespace, for good; refused when it is bound to another one. Null: not now.</summary>
    public Guid? Namespace { get; init; }

    /// <summary>The namespace has begun a generation; null: not now.</summary>
    public MapGeneration? Generation { get; init; }

    /// <summary>Nodes that are new or changed.</summary>
    public ImmutableArray<NodeRecord> Nodes { get; init; } = [];

    /// <summary>Volumes that are new or changed.</summary>
    public ImmutableArray<VolumeCommit> Volumes { get; init; } = [];
}

/// <summary>A compare-and-swap on one volume.</summary>
/// <param name="Before">The volume as it is expected, compared by epoch and state; null: it must not exist.</param>
/// <param name="After">The volume as it is to be.</param>
public sealed record VolumeCommit(VolumeRecord? Before, VolumeRecord After);
