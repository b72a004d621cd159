using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;

namespace BigFs.Hosting.FileServer;

/// <summary>Looks volumes up in a cluster map.</summary>
internal static class VolumeLocations
{
    /// <summary>
    /// Where the volumes are: members that are up and verified first, then unverified ones (their bytes are checked like
    /// any), then those that are not up. Volumes that the map does not have are left out.
    /// </summary>
    public static ImmutableArray<VolumeLocation> Find(
        ClusterMap map, ImmutableArray<VolumeId> volumes, ReadCapabilities capabilities)
    {
        if (volumes.IsEmpty)
        {
            return [];
        }

        Dictionary<NodeId, ClusterNode> nodes = map.Nodes.ToDictionary(node => node.Id);
        ImmutableArray<VolumeLocation>.Builder found = ImmutableArray.CreateBuilder<VolumeLocation>(volumes.Length);
        foreach (VolumeId id in volumes)
        {
            int index = IndexOf(map, id);
            if (index >= 0)
            {
                ClusterVolume volume = map.Volumes[index];
                found.Add(new VolumeLocation
                {
                    Volume = id,
                    Epoch = volume.Epoch,
                    Members =
                    [
                        .. volume.Members
                            .Where(member => nodes.ContainsKey(member.Node))
                            .OrderBy(member => Rank(nodes[member.Node].State, member.Verified))
                            .Select(member => new NodeAddress(member.Node, nodes[member.Node].TransferEndpoint)),
                    ],
                    Capability = capabilities.For(volume),
                });
            }
        }

        return found.ToImmutable();
    }

    /// <summary>Whether the map has the volume in this epoch: then its members are those that the epoch began with.</summary>
    public static bool IsOfEpoch(ClusterMap map, VolumeId volume, long epoch)
    {
        int index = IndexOf(map, volume);
        return index >= 0 && map.Volumes[index].Epoch == epoch;
    }

    private static int IndexOf(ClusterMap map, VolumeId volume) =>
        map.Volumes.BinarySearch(volume, static (one, wanted) => one.Id.CompareTo(wanted));

    private static int Rank(NodeState state, bool verified) => (state, verified) switch
    {
        (NodeState.Up, true) => 0,
        (NodeState.Up, false) => 1,
        (NodeState.Joining, _) => 2,
        _ => 3,
    };

    private static int BinarySearch<T, TKey>(this ImmutableArray<T> sorted, TKey wanted, Func<T, TKey, int> compare)
    {
        int low = 0, high = sorted.Length - 1;
        while (low <= high)
        {
            int middle = low + ((high - low) / 2);
            int order = compare(sorted[middle], wanted);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }
}
