using BigFs.Core.Control;

namespace BigFs.Internal.Grpc;

/// <summary>What the name server says.</summary>
internal static class NameServerMapping
{
    public static Protocol.ServiceInstance ToProto(this ServiceInstance instance) => new()
    {
        Role = (int)instance.Role,
        Id = instance.Id,
        Endpoint = instance.Endpoint,
        ProcessId = instance.ProcessId,
        Host = instance.Host,
        Version = instance.Version,
    };

    public static ServiceInstance FromProto(this Protocol.ServiceInstance proto) => new()
    {
        Role = Wire.ToEnum<ServiceRole>(proto.Role),
        Id = proto.Id,
        Endpoint = proto.Endpoint,
        ProcessId = proto.ProcessId,
        Host = proto.Host,
        Version = proto.Version,
    };

    public static Protocol.WatchResponse ToProto(this InstanceUpdate update) => new()
    {
        Incarnation = update.Incarnation.ToProto(),
        Version = update.Version,
        Snapshot = update.IsSnapshot,
        Instances = { update.Instances.Select(ToProto) },
        Gone = { update.Gone },
        Lease = update.Lease.Ticks,
    };

    public static InstanceUpdate FromProto(this Protocol.WatchResponse proto) => new()
    {
        Incarnation = proto.Incarnation.ToGuid(),
        Version = proto.Version,
        IsSnapshot = proto.Snapshot,
        Instances = proto.Instances.ToArray(FromProto),
        Gone = [.. proto.Gone],
        Lease = TimeSpan.FromTicks(proto.Lease),
    };
}
