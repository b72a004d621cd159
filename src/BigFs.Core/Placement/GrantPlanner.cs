using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;

namespace BigFs.Core.Placement;

/// <summary>
/// Chooses an open volume and a pipeline order for each chunk: the volume that was used longest ago, its members in a ring
/// whose head moves on with each use. Deterministic. Thread-safe.
/// </summary>
public sealed class GrantPlanner
{
    private readonly Lock _lock = new();
    private readonly Dictionary<VolumeId, (long LastTurn, int Uses)> _used = [];
    private long _turn;

    /// <summary>Plans where chunks go.</summary>
    /// <param name="map">The cluster as it is known.</param>
    /// <param name="replicas">Replicas of each chunk, 1 to <see cref="Limits.MaxReplicas"/>.</param>
    /// <param name="avoid">Nodes that are not to be used.</param>
    /// <param name="count">How many chunks, 1 to <see cref="Limits.MaxGrantBatch"/>.</param>
    /// <param name="together">Whether all go to one volume; else they are spread.</param>
    public GrantPlan Plan(ClusterMap map, int replicas, ImmutableArray<NodeId> avoid, int count, bool together = false)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(replicas);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        HashSet<NodeId> up = [.. map.Nodes.Where(node => node.State == NodeState.Up).Select(node => node.Id)];
        if (up.Count < replicas)
        {
            return new GrantPlan { Status = GrantPlanStatus.NotEnoughNodes, NodesUp = up.Count };
        }

        List<ClusterVolume> candidates =
        [
            .. map.Volumes.Where(volume => volume.State == VolumeState.Open
                && volume.Members.Length == replicas
                && volume.Members.All(member => up.Contains(member.Node) && !avoid.Contains(member.Node))),
        ];
        if (candidates.Count == 0)
        {
            return new GrantPlan { Status = GrantPlanStatus.NeedsVolumes, NodesUp = up.Count };
        }

        lock (_lock)
        {
            ForgetClosedNeedsLock(map);
            var chunks = ImmutableArray.CreateBuilder<PlannedChunk>(count);
            for (int i = 0; i < count; i++)
            {
                chunks.Add(together && i > 0 ? chunks[0] : NextNeedsLock(candidates));
            }

            return new GrantPlan
            {
                Status = GrantPlanStatus.Planned,
                NodesUp = up.Count,
                Chunks = chunks.MoveToImmutable(),
            };
        }
    }

    private PlannedChunk NextNeedsLock(List<ClusterVolume> candidates)
    {
        ClusterVolume volume = candidates.MinBy(candidate => _used.GetValueOrDefault(candidate.Id).LastTurn)!;
        int first = _used.GetValueOrDefault(volume.Id).Uses % volume.Members.Length;
        _used[volume.Id] = (++_turn, first + 1);
        ImmutableArray<NodeId> order =
        [
            .. Enumerable.Range(0, volume.Members.Length)
                .Select(i => volume.Members[(first + i) % volume.Members.Length].Node),
        ];
        return new PlannedChunk(volume.Id, volume.Epoch, order);
    }

    /// <summary>Keeps the memory of what was used as small as the set of volumes that can be used.</summary>
    private void ForgetClosedNeedsLock(ClusterMap map)
    {
        HashSet<VolumeId> open =
            [.. map.Volumes.Where(volume => volume.State == VolumeState.Open).Select(volume => volume.Id)];
        foreach (VolumeId closed in _used.Keys.Where(id => !open.Contains(id)).ToArray())
        {
            _used.Remove(closed);
        }
    }
}

/// <summary>What came of planning.</summary>
public enum GrantPlanStatus
{
    /// <summary>Every chunk has its place.</summary>
    Planned = 1,

    /// <summary>Fewer nodes are up than replicas are asked for.</summary>
    NotEnoughNodes = 2,

    /// <summary>Enough nodes are up, but no volume for so many replicas stands open without an avoided node.</summary>
    NeedsVolumes = 3,
}

/// <summary>Where chunks go.</summary>
public sealed record GrantPlan
{
    /// <summary>What came of it.</summary>
    public required GrantPlanStatus Status { get; init; }

    /// <summary>Nodes that are up.</summary>
    public required int NodesUp { get; init; }

    /// <summary>When planned: a place for each chunk.</summary>
    public ImmutableArray<PlannedChunk> Chunks { get; init; } = [];
}

/// <summary>A place for one chunk.</summary>
/// <param name="Volume">The open volume.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Members">All its members in pipeline order.</param>
public sealed record PlannedChunk(VolumeId Volume, long Epoch, ImmutableArray<NodeId> Members);
