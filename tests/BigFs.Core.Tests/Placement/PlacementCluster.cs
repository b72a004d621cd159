using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;

namespace BigFs.Core.Tests.Placement;

/// <summary>Maps to plan on.</summary>
internal static class PlacementCluster
{
    public static NodeId Node(int number) => new(new Guid(number, 0, 0, new byte[8]));

    public static NodeId[] Nodes(int count) => [.. Enumerable.Range(1, count).Select(Node)];

    public static ClusterVolume Volume(long id, VolumeState state, params int[] members) => new()
    {
        Id = new VolumeId(id),
        Epoch = id * 10,
        State = state,
        Members = [.. members.Select(number => new VolumeMember(Node(number), true))],
    };

    public static ClusterMap Map(int up, params ClusterVolume[] volumes) => Map(up, 0, volumes);

    public static ClusterMap Map(int up, int suspect, params ClusterVolume[] volumes) => new()
    {
        ClusterId = Guid.Empty,
        Version = 1,
        DefaultReplicas = 2,
        Nodes =
        [
            .. Enumerable.Range(1, up + suspect).Select(number => new ClusterNode
            {
                Id = Node(number),
                TransferEndpoint = "",
                ControlEndpoint = "",
                State = number <= up ? NodeState.Up : NodeState.Suspect,
            }),
        ],
        Volumes = [.. volumes],
    };
}
