using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Google.Protobuf;

namespace BigFs.Hosting.Messaging;

/// <summary>Events, to and from the envelope that relay and brokers carry.</summary>
internal static class BusMapping
{
    /// <summary>Version of the message's form.</summary>
    public const int Version = 1;

    /// <summary>Longest identity or endpoint that is taken, characters.</summary>
    private const int MostText = 512;

    /// <summary>The envelope as bytes.</summary>
    public static byte[] Encode(ClusterEvent message) => message.ToProto().ToByteArray();

    /// <summary>The event in an envelope; null when it is to be set aside.</summary>
    public static ClusterEvent? Decode(ReadOnlySpan<byte> bytes, out SetAsideReason reason)
    {
        try
        {
            return Protocol.BusMessage.Parser.ParseFrom(bytes).FromProto(out reason);
        }
        catch (InvalidProtocolBufferException)
        {
            reason = SetAsideReason.Poison;
            return null;
        }
    }

    public static Protocol.BusMessage ToProto(this ClusterEvent message)
    {
        var envelope = new Protocol.BusMessage { Version = Version };
        switch (message)
        {
            case DataNodeHeartbeat heartbeat:
                envelope.Heartbeat = HeartbeatMapping.ToProto(heartbeat);
                break;
            case FileServerHeartbeat heartbeat:
                envelope.ServerHeartbeat = HeartbeatMapping.ToProto(heartbeat);
                break;
            case ClusterMapChanged changed:
                envelope.MapChanged = new Protocol.ClusterMapChanged { Version = changed.Version, Delta = changed.Delta?.ToProto() };
                break;
            case MetadataInvalidated invalidated:
                envelope.Invalidated = InvalidationMapping.ToProto(invalidated);
                break;
            default:
                throw new ArgumentException($"{message.GetType().Name} has no form on the wire.", nameof(message));
        }

        return envelope;
    }

    /// <summary>The event; null when its version or kind is not known here, or it is broken.</summary>
    public static ClusterEvent? FromProto(this Protocol.BusMessage proto, out SetAsideReason reason)
    {
        reason = proto switch
        {
            { Version: <= 0 } => SetAsideReason.Poison,
            { Version: not Version } => SetAsideReason.UnknownVersion,
            { EventCase: Protocol.BusMessage.EventOneofCase.None } => SetAsideReason.UnknownEvent,
            _ => SetAsideReason.Poison,
        };
        return proto switch
        {
            { Version: not Version } => null,
            { Heartbeat: { Node.Length: 16 } heartbeat } when IsText(heartbeat.ControlEndpoint) =>
                HeartbeatMapping.FromProto(heartbeat),
            { ServerHeartbeat: { Server.Length: > 0, Process: not null } heartbeat }
                when IsText(heartbeat.Server) && IsText(heartbeat.Endpoint) => HeartbeatMapping.FromProto(heartbeat),
            { Invalidated: { } invalidated } => InvalidationMapping.FromProto(invalidated),
            { MapChanged: { } changed } => MapChanged(changed),
            _ => null,
        };
    }

    private static ClusterMapChanged? MapChanged(Protocol.ClusterMapChanged changed)
    {
        if (changed.Delta is not { } delta)
        {
            return new ClusterMapChanged { Version = changed.Version };
        }

        try
        {
            return delta.Nodes.Count + delta.Volumes.Count <= ClusterMapDelta.MaxItems
                ? new ClusterMapChanged { Version = changed.Version, Delta = delta.FromProto(changed.Version) }
                : null;
        }
        catch (BigFsException broken) when (broken.Code == BigFsErrorCode.InvalidArgument)
        {
            return null;
        }
    }

    private static bool IsText(string text) => text.Length <= MostText;
}
