using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>The data plane's log events; their ids (3000 to 3099) never change their meaning.</summary>
internal static partial class TransferLog
{
    [LoggerMessage(2000, LogLevel.Information, "Transfer server of node {Node} listens on {Endpoint}")]
    public static partial void Listening(ILogger logger, NodeId node, string endpoint);

    [LoggerMessage(2001, LogLevel.Debug, "Connection from {Peer} ended: {Reason}")]
    public static partial void ConnectionEnded(ILogger logger, string peer, string reason);

    [LoggerMessage(2002, LogLevel.Warning, "{Peer} broke the transfer protocol: {Reason}")]
    public static partial void ProtocolBroken(ILogger logger, string peer, string reason);

    [LoggerMessage(2003, LogLevel.Error, "A request from {Peer} failed for a reason that no status describes")]
    public static partial void RequestFailed(ILogger logger, string peer, Exception cause);

    [LoggerMessage(2004, LogLevel.Warning, "Connection from {Peer} refused: {Connections} are open")]
    public static partial void TooManyConnections(ILogger logger, string peer, int connections);

    [LoggerMessage(2005, LogLevel.Error, "Accepting connections on {Endpoint} failed; trying on")]
    public static partial void AcceptFailed(ILogger logger, string endpoint, Exception cause);

    [LoggerMessage(2006, LogLevel.Debug, "Chunk {Key} of volume {Volume} was not taken: {Status} at node {FailedNode}: {Detail}")]
    public static partial void WriteFailed(
        ILogger logger, ChunkKey key, VolumeId volume, ChunkStatus status, NodeId? failedNode, string detail);

    [LoggerMessage(2007, LogLevel.Debug, "Chunk {Key} of volume {Volume} was not read from node {Node}: {Status}: {Detail}")]
    public static partial void ReadFailed(
        ILogger logger, ChunkKey key, VolumeId volume, NodeId node, ChunkStatus status, string detail);

    [LoggerMessage(2008, LogLevel.Debug, "A pooled connection with {Endpoint} was broken, another one is made: {Reason}")]
    public static partial void PooledConnectionBroken(ILogger logger, string endpoint, string reason);

    [LoggerMessage(2009, LogLevel.Warning, "Transfer server of node {Node} aborts {Connections} connections that did not end in time")]
    public static partial void StopTimedOut(ILogger logger, NodeId node, int connections);

    [LoggerMessage(2051, LogLevel.Debug, "Volume {Volume} was not copied from node {Node}: {Status}: {Detail}")]
    public static partial void CopyFailed(ILogger logger, VolumeId volume, NodeId node, ChunkStatus status, string detail);

    [LoggerMessage(2052, LogLevel.Debug, "Chunk {Key} of volume {Volume} was not verified at node {Node}: {Status}: {Detail}")]
    public static partial void VerifyFailed(
        ILogger logger, ChunkKey key, VolumeId volume, NodeId node, ChunkStatus status, string detail);

    [LoggerMessage(2050, LogLevel.Warning, "{Peer} was refused {Operation} in volume {Volume}: its capability is {Refusal}")]
    public static partial void NotAllowed(
        ILogger logger, string peer, CapabilityOperation operation, VolumeId volume, CapabilityRefusal refusal);
}
