using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Grpc;

/// <summary>What node manager and datanodes say: reports, orders, the cluster map.</summary>
internal static class NodeMapping
{
    public static Protocol.NodeReport ToProto(this NodeReport report)
    {
        var proto = new Protocol.NodeReport
        {
            Node = report.Node.Value.ToProto(),
            Incarnation = report.Incarnation,
            CleanStart = report.CleanStart,
            TransferEndpoint = report.TransferEndpoint,
            ControlEndpoint = report.ControlEndpoint,
            Volumes = { report.Volumes.Select(ToProto) },
        };
        if (report.ClusterId is { } cluster)
        {
            proto.Cluster = cluster.ToProto();
        }

        return proto;
    }

    public static NodeReport FromProto(this Protocol.NodeReport proto) => new()
    {
        Node = proto.Node.ToNodeId(),
        ClusterId = proto.HasCluster ? proto.Cluster.ToGuid() : null,
        Incarnation = proto.Incarnation,
        CleanStart = proto.CleanStart,
        TransferEndpoint = proto.TransferEndpoint,
        ControlEndpoint = proto.ControlEndpoint,
        Volumes = proto.Volumes.ToArray(FromProto),
    };

    public static Protocol.VolumeOrder ToProto(this VolumeOrder order) => new()
    {
        Term = order.Term,
        Volume = order.Volume.Value,
        Epoch = order.Epoch,
        Members = { order.Members.Select(node => node.Value.ToProto()) },
    };

    public static VolumeOrder FromProto(this Protocol.VolumeOrder proto) => new()
    {
        Term = proto.Term,
        Volume = new VolumeId(proto.Volume),
        Epoch = proto.Epoch,
        Members = proto.Members.ToArray(Wire.ToNodeId),
    };

    public static Protocol.NodeAdmission ToProto(this NodeAdmission admission) => new()
    {
        Cluster = admission.ClusterId.ToProto(),
        Term = admission.Term,
        HeartbeatInterval = admission.HeartbeatInterval.Ticks,
    };

    public static NodeAdmission FromProto(this Protocol.NodeAdmission proto) => new()
    {
        ClusterId = proto.Cluster.ToGuid(),
        Term = proto.Term,
        HeartbeatInterval = TimeSpan.FromTicks(proto.HeartbeatInterval),
    };

    public static Protocol.ClusterMap ToProto(this ClusterMap map) => new()
    {
        Cluster = map.ClusterId.ToProto(),
        Version = map.Version,
        DefaultReplicas = map.DefaultReplicas,
        Nodes = { map.Nodes.Select(ToProto) },
        Volumes = { map.Volumes.Select(ToProto) },
    };

    public static ClusterMap FromProto(this Protocol.ClusterMap proto) => new()
    {
        ClusterId = proto.Cluster.ToGuid(),
        Version = proto.Version,
        DefaultReplicas = proto.DefaultReplicas,
        Nodes = proto.Nodes.ToArray(FromProto),
        Volumes = proto.Volumes.ToArray(FromProto),
    };

    public static Protocol.ClusterMapDelta ToProto(this ClusterMapDelta delta) => new()
    {
        Cluster = delta.ClusterId.ToProto(),
        From = delta.From,
        Nodes = { delta.Nodes.Select(ToProto) },
        Volumes = { delta.Volumes.Select(ToProto) },
    };

    /// <summary>The change to a version.</summary>
    /// <exception cref="BigFsException">InvalidArgument: it is no valid one.</exception>
    public static ClusterMapDelta FromProto(this Protocol.ClusterMapDelta proto, long to) => new()
    {
        ClusterId = proto.Cluster.ToGuid(),
        From = proto.From,
        To = to,
        Nodes = proto.Nodes.ToArray(FromProto),
        Volumes = proto.Volumes.ToArray(FromProto),
    };

    public static Protocol.VolumeDigest ToProto(this VolumeDigest digest) => new()
    {
        Chunks = digest.Chunks,
        Live = digest.Live,
        Deleted = digest.Deleted,
    };

    public static VolumeDigest FromProto(this Protocol.VolumeDigest proto) =>
        new(proto.Chunks, proto.Live, proto.Deleted);

    private static Protocol.VolumeReport ToProto(VolumeReport report) => new()
    {
        Volume = report.Volume.Value,
        Epoch = report.Epoch,
        State = (int)report.State,
        Chunks = report.Chunks,
        Bytes = report.Bytes,
    };

    private static VolumeReport FromProto(Protocol.VolumeReport proto) => new()
    {
        Volume = new VolumeId(proto.Volume),
        Epoch = proto.Epoch,
        State = Wire.ToEnum<ReplicaState>(proto.State),
        Chunks = proto.Chunks,
        Bytes = proto.Bytes,
    };

    private static Protocol.ClusterNode ToProto(ClusterNode node) => new()
    {
        Id = node.Id.Value.ToProto(),
        TransferEndpoint = node.TransferEndpoint,
        ControlEndpoint = node.ControlEndpoint,
        State = (int)node.State,
    };

    private static ClusterNode FromProto(Protocol.ClusterNode proto) => new()
    {
        Id = proto.Id.ToNodeId(),
        TransferEndpoint = proto.TransferEndpoint,
        ControlEndpoint = proto.ControlEndpoint,
        State = Wire.ToEnum<NodeState>(proto.State),
    };

    private static Protocol.ClusterVolume ToProto(ClusterVolume volume) => new()
    {
        Id = volume.Id.Value,
        Epoch = volume.Epoch,
        State = (int)volume.State,
        Members =
        {
            volume.Members.Select(
                member => new Protocol.VolumeMember { Node = member.Node.Value.ToProto(), Verified = member.Verified }),
        },
    };

    private static ClusterVolume FromProto(Protocol.ClusterVolume proto) => new()
    {
        Id = new VolumeId(proto.Id),
        Epoch = proto.Epoch,
        State = Wire.ToEnum<VolumeState>(proto.State),
        Members = proto.Members.ToArray(member => new VolumeMember(member.Node.ToNodeId(), member.Verified)),
    };
}
