using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;

namespace BigFs.Core.Placement;

/// <summary>What is known of a volume's filling and its last troubles.</summary>
/// <param name="IsFull">It takes hardly anything more.</param>
/// <param name="HasRoom">It is less than half full.</param>
/// <param name="IsTroubled">Bringing its members together, or making them equal, has failed more than once.</param>
public readonly record struct VolumeUse(bool IsFull, bool HasRoom, bool IsTroubled);

/// <summary>
/// What is to be done so that volumes for one number of replicas stand open ahead of need. A sealed volume that can take
/// more is reopened before a new one is made, and waited for while it is being brought together, so that restarts leave
/// no trail of small volumes. Pure.
/// </summary>
public sealed record WritablePlan
{
    /// <summary>Sealed volumes to make equal and reopen.</summary>
    public required ImmutableArray<VolumeId> Reopen { get; init; }

    /// <summary>Sets of nodes on which a new volume is needed, each ordered by node.</summary>
    public required ImmutableArray<ImmutableArray<NodeId>> Create { get; init; }

    /// <summary>Full volumes whose successors stand open.</summary>
    public required ImmutableArray<VolumeId> Close { get; init; }

    /// <summary>Plans for one number of replicas.</summary>
    public static WritablePlan For(ClusterMap map, int replicas, Func<VolumeId, VolumeUse> use)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(use);
        ImmutableSortedSet<NodeId> up =
            [.. map.Nodes.Where(node => node.State == NodeState.Up).Select(node => node.Id)];
        ClusterVolume[] volumes =
        [
            .. map.Volumes.Where(volume => volume.Members.Length == replicas
                && volume.Members.All(member => up.Contains(member.Node))),
        ];
        ClusterVolume[] standing =
        [
            .. volumes.Where(volume =>
                volume.State is VolumeState.Open or VolumeState.Opening && !use(volume.Id).IsFull),
        ];
        ImmutableArray<ImmutableArray<NodeId>> missing = ReplicaSets.Missing(up, replicas, standing.Select(Nodes));

        var reopen = ImmutableArray.CreateBuilder<VolumeId>();
        var create = ImmutableArray.CreateBuilder<ImmutableArray<NodeId>>();
        foreach (ImmutableArray<NodeId> set in missing)
        {
            ClusterVolume[] candidates =
            [
                .. volumes.Where(volume => volume.State is VolumeState.Sealing or VolumeState.Sealed
                    && Nodes(volume).SequenceEqual(set)
                    && use(volume.Id) is { HasRoom: true, IsTroubled: false }),
            ];
            ClusterVolume? ready = candidates.FirstOrDefault(
                volume => volume.State == VolumeState.Sealed && volume.Members.All(member => member.Verified));
            if (ready is not null)
            {
                reopen.Add(ready.Id);
            }
            else if (candidates.Length == 0)
            {
                create.Add(set);
            }
        }

        bool isSettled = missing.IsEmpty && standing.All(volume => volume.State == VolumeState.Open) && standing.Length > 0;
        return new WritablePlan
        {
            Reopen = reopen.ToImmutable(),
            Create = create.ToImmutable(),
            Close = isSettled
                ? [.. volumes.Where(volume => volume.State == VolumeState.Open && use(volume.Id).IsFull).Select(volume => volume.Id)]
                : [],
        };
    }

    private static ImmutableArray<NodeId> Nodes(ClusterVolume volume) => [.. volume.Members.Select(member => member.Node)];
}
