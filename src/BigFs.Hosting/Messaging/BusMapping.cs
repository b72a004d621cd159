using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Messaging;

/// <summary>Events, to and from their form on the wire.</summary>
internal static class BusMapping
{
    /// <summary>Version of the message's form.</summary>
    public const int Version = 1;

    public static Protocol.BusMessage ToProto(this ClusterEvent message) => message switch
    {
        DataNodeHeartbeat heartbeat => new Protocol.BusMessage
        {
            Version = Version,
            Heartbeat = new Protocol.DataNodeHeartbeat
            {
                Node = heartbeat.Node.Value.ToProto(),
                Incarnation = heartbeat.Incarnation,
                ControlEndpoint = heartbeat.ControlEndpoint,
            },
        },
        ClusterMapChanged changed => new Protocol.BusMessage
        {
            Version = Version,
            MapChanged = new Protocol.ClusterMapChanged { Version = changed.Version },
        },
        _ => throw new ArgumentException($"{message.GetType().Name} has no form on the wire.", nameof(message)),
    };

    /// <summary>The event; null when its version or kind is not known here, or it is broken.</summary>
    public static ClusterEvent? FromProto(this Protocol.BusMessage proto) => proto switch
    {
        { Version: not Version } => null,
        { Heartbeat: { Node.Length: 16 } heartbeat } => new DataNodeHeartbeat
        {
            Node = heartbeat.Node.ToNodeId(),
            Incarnation = heartbeat.Incarnation,
            ControlEndpoint = heartbeat.ControlEndpoint,
        },
        { MapChanged: { } changed } => new ClusterMapChanged { Version = changed.Version },
        _ => null,
    };
}
