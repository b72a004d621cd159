using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using DataNodeClient = BigFs.Protocol.DataNode.DataNodeClient;

namespace BigFs.Hosting.DataNode;

/// <summary>Reaches datanodes over gRPC at the control endpoints that the map names. The channels stay the caller's.</summary>
internal sealed class GrpcDataNodeDirectory(
    ChannelCache channels, ControlTimeouts timeouts, ILogger<GrpcDataNodeDirectory> logger) : IDataNodeDirectory
{
    public IDataNode Get(ClusterNode node) => new GrpcDataNode(node.Id, node.ControlEndpoint, channels, timeouts, logger);
}

/// <summary>
/// One datanode's control side over gRPC. Tries once: who orders decides what a failure means, so transport failures are
/// values (Unreachable, Stalled), as is a fault inside the node (Busy, with a log event).
/// </summary>
internal sealed partial class GrpcDataNode(
    NodeId id, string endpoint, ChannelCache channels, ControlTimeouts timeouts, ILogger logger) : IDataNode
{
    private readonly Metadata _headers = new() { { DataNodeService.NodeHeader, id.Value.ToByteArray(bigEndian: true) } };

    public async ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        var (status, answer) = await CallAsync(
            (c, o) => c.ProbeAsync(new Protocol.Empty(), o), answer => answer.Report?.FromProto(), deadline, cancellationToken);
        return status == ChunkStatus.Ok && answer?.Node == id ? answer : null;
    }

    public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        OrderAsync((c, o) => c.OpenVolumeAsync(order.ToProto(), o), timeouts.Operation, cancellationToken);

    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        OrderAsync((c, o) => c.FenceAsync(order.ToProto(), o), timeouts.Operation, cancellationToken);

    public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        OrderAsync((c, o) => c.SealAsync(order.ToProto(), o), timeouts.Operation, cancellationToken);

    public async ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken)
    {
        var request = new Protocol.ListChunksRequest { Volume = volume.Value, After = after.Value, Limit = limit };
        var (status, page) = await CallAsync(
            (c, o) => c.ListChunksAsync(request, o),
            answer => (Status: Wire.ToEnum<ChunkStatus>(answer.Status), Chunks: answer.Chunks.FromProto()),
            timeouts.Operation,
            cancellationToken);
        return status == ChunkStatus.Ok ? page : (status, []);
    }

    public async ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken)
    {
        var (status, answer) = await CallAsync(
            (c, o) => c.DigestAsync(new Protocol.DigestRequest { Volume = volume.Value }, o),
            answer => (Status: Wire.ToEnum<ChunkStatus>(answer.Status), Digest: answer.Digest?.FromProto()),
            timeouts.Operation,
            cancellationToken);
        return status == ChunkStatus.Ok ? answer : (status, null);
    }

    public ValueTask<ChunkStatus> FetchAsync(
        VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
    {
        var request = new Protocol.FetchRequest
        {
            Order = order.ToProto(),
            Source = source.Node.ToProto(),
            Capability = source.Capability.ToProto(),
            Chunks = chunks.ToProto(),
        };
        return OrderAsync((c, o) => c.FetchAsync(request, o), timeouts.Fetch, cancellationToken);
    }

    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken)
    {
        var request = new Protocol.DeleteChunksRequest { Volume = volume.Value, Keys = { keys.Select(key => key.Value) } };
        return OrderAsync((c, o) => c.DeleteAsync(request, o), timeouts.Operation, cancellationToken);
    }

    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken)
    {
        var request = new Protocol.DeleteChunksRequest
        {
            Volume = volume.Value,
            Keys = { keys.Select(key => key.Value) },
            Generation = generation,
        };
        return OrderAsync((c, o) => c.DeleteAsync(request, o), timeouts.Operation, cancellationToken);
    }

    public ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken)
    {
        var request = new Protocol.AcceptGenerationRequest { Generation = generation };
        return OrderAsync((c, o) => c.AcceptGenerationAsync(request, o), timeouts.Operation, cancellationToken);
    }

    public ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken)
    {
        var request = new Protocol.VerifyRequest { Volume = volume.Value, Key = key.Value };
        return OrderAsync((c, o) => c.VerifyAsync(request, o), timeouts.Operation, cancellationToken);
    }

    private async ValueTask<ChunkStatus> OrderAsync(
        Func<DataNodeClient, CallOptions, AsyncUnaryCall<Protocol.StatusResponse>> call,
        TimeSpan limit,
        CancellationToken cancellationToken)
    {
        var (status, answer) = await CallAsync(
            call, answer => Wire.ToEnum<ChunkStatus>(answer.Status), limit, cancellationToken);
        return status == ChunkStatus.Ok ? answer : status;
    }

    private async ValueTask<(ChunkStatus Status, TResult? Answer)> CallAsync<TResponse, TResult>(
        Func<DataNodeClient, CallOptions, AsyncUnaryCall<TResponse>> call,
        Func<TResponse, TResult> map,
        TimeSpan limit,
        CancellationToken cancellationToken)
    {
        try
        {
            var options = new CallOptions(_headers, DateTime.UtcNow + limit, cancellationToken);
            using AsyncUnaryCall<TResponse> sent = call(new DataNodeClient(channels.Get(endpoint)), options);
            return (ChunkStatus.Ok, map(await sent.ResponseAsync));
        }
        catch (RpcException error)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return (StatusOf(WireErrors.Sent(error, endpoint) ?? WireErrors.FromTransport(error, "datanode", endpoint, 1)), default);
        }
        catch (BigFsException error)
        {
            return (StatusOf(error), default);
        }
    }

    private ChunkStatus StatusOf(BigFsException error)
    {
        switch (error.Code)
        {
            case BigFsErrorCode.Unavailable:
                return ChunkStatus.Unreachable;
            case BigFsErrorCode.TimedOut:
                return ChunkStatus.Stalled;
            case BigFsErrorCode.InvalidArgument or BigFsErrorCode.LimitExceeded:
                LogRefused(id, endpoint, error);
                return ChunkStatus.Malformed;
            default:
                LogFailed(id, endpoint, error);
                return ChunkStatus.Busy;
        }
    }

    [LoggerMessage(EventId = 1110, EventName = "DataNodeCallRefused", Level = LogLevel.Warning,
        Message = "Datanode {Node} at {Endpoint} and this process do not agree about a message")]
    private partial void LogRefused(NodeId node, string endpoint, Exception error);

    [LoggerMessage(EventId = 1111, EventName = "DataNodeCallFailed", Level = LogLevel.Warning,
        Message = "Datanode {Node} at {Endpoint} failed inside")]
    private partial void LogFailed(NodeId node, string endpoint, Exception error);
}
