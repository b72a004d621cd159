using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Messaging;

/// <summary>Heartbeats, to and from their form in the envelope.</summary>
internal static class HeartbeatMapping
{
    public static Protocol.DataNodeHeartbeat ToProto(DataNodeHeartbeat heartbeat) => new()
    {
        Node = heartbeat.Node.Value.ToProto(),
        Incarnation = heartbeat.Incarnation,
        Sequence = heartbeat.Sequence,
        ControlEndpoint = heartbeat.ControlEndpoint,
        Load = heartbeat.Load is { } load ? ToProto(load) : null,
    };

    public static DataNodeHeartbeat FromProto(Protocol.DataNodeHeartbeat proto) => new()
    {
        Node = proto.Node.ToNodeId(),
        Incarnation = proto.Incarnation,
        Sequence = proto.Sequence,
        ControlEndpoint = proto.ControlEndpoint,
        Load = proto.Load is { Process: not null } load ? FromProto(load) : null,
    };

    public static Protocol.FileServerHeartbeat ToProto(FileServerHeartbeat heartbeat) => new()
    {
        Server = heartbeat.Server,
        Endpoint = heartbeat.Endpoint,
        Incarnation = heartbeat.Incarnation,
        Sequence = heartbeat.Sequence,
        Drained = heartbeat.IsDrained,
        CallsInFlight = heartbeat.CallsInFlight,
        CallsPerSecond = heartbeat.CallsPerSecond,
        Process = ToProto(heartbeat.Process),
    };

    public static FileServerHeartbeat FromProto(Protocol.FileServerHeartbeat proto) => new()
    {
        Server = proto.Server,
        Endpoint = proto.Endpoint,
        Incarnation = proto.Incarnation,
        Sequence = proto.Sequence,
        IsDrained = proto.Drained,
        CallsInFlight = proto.CallsInFlight,
        CallsPerSecond = proto.CallsPerSecond,
        Process = FromProto(proto.Process),
    };

    private static Protocol.DataNodeLoad ToProto(DataNodeLoad load) => new()
    {
        Process = ToProto(load.Process),
        DiskFreeBytes = load.DiskFreeBytes,
        ReadBytesPerSecond = load.ReadBytesPerSecond,
        WrittenBytesPerSecond = load.WrittenBytesPerSecond,
        Volumes = load.Volumes,
        OpenVolumes = load.OpenVolumes,
        QueuedAppends = load.QueuedAppends,
    };

    private static DataNodeLoad FromProto(Protocol.DataNodeLoad proto) => new()
    {
        Process = FromProto(proto.Process),
        DiskFreeBytes = proto.DiskFreeBytes,
        ReadBytesPerSecond = proto.ReadBytesPerSecond,
        WrittenBytesPerSecond = proto.WrittenBytesPerSecond,
        Volumes = proto.Volumes,
        OpenVolumes = proto.OpenVolumes,
        QueuedAppends = proto.QueuedAppends,
    };

    private static Protocol.ProcessLoad ToProto(ProcessLoad load) => new()
    {
        CpuCores = load.CpuCores,
        Cores = load.Cores,
        ResidentBytes = load.ResidentBytes,
        MemoryAvailableBytes = load.MemoryAvailableBytes,
        MemoryTotalBytes = load.MemoryTotalBytes,
        NetworkReceivedBytesPerSecond = load.NetworkReceivedBytesPerSecond,
        NetworkSentBytesPerSecond = load.NetworkSentBytesPerSecond,
    };

    private static ProcessLoad FromProto(Protocol.ProcessLoad proto) => new()
    {
        CpuCores = proto.CpuCores,
        Cores = proto.Cores,
        ResidentBytes = proto.ResidentBytes,
        MemoryAvailableBytes = proto.MemoryAvailableBytes,
        MemoryTotalBytes = proto.MemoryTotalBytes,
        NetworkReceivedBytesPerSecond = proto.NetworkReceivedBytesPerSecond,
        NetworkSentBytesPerSecond = proto.NetworkSentBytesPerSecond,
    };
}
