using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.DataNode;

/// <summary>A datanode's control side, served over gRPC. Takes only calls that are meant for this node.</summary>
internal sealed class DataNodeService(NodeId self, IDataNode node) : Protocol.DataNode.DataNodeBase
{
    /// <summary>The header that names the node a call is meant for.</summary>
    public const string NodeHeader = "bigfs-node-bin";

    public override async Task<Protocol.ProbeResponse> Probe(Protocol.Empty request, ServerCallContext context)
    {
        CancellationToken cancellationToken = Admit(context);
        TimeSpan left = context.Deadline == DateTime.MaxValue ? LongestProbe : context.Deadline - DateTime.UtcNow;
        NodeReport? report = await node.ProbeAsync(left < LongestProbe ? left : LongestProbe, cancellationToken);
        return new Protocol.ProbeResponse { Report = report?.ToProto() };
    }

    public override async Task<Protocol.StatusResponse> OpenVolume(
        Protocol.VolumeOrder request, ServerCallContext context) =>
        Answer(await node.OpenVolumeAsync(request.FromProto(), Admit(context)));

    public override async Task<Protocol.StatusResponse> Fence(Protocol.VolumeOrder request, ServerCallContext context) =>
        Answer(await node.FenceAsync(request.FromProto(), Admit(context)));

    public override async Task<Protocol.StatusResponse> Seal(Protocol.VolumeOrder request, ServerCallContext context) =>
        Answer(await node.SealAsync(request.FromProto(), Admit(context)));

    public override async Task<Protocol.ListChunksResponse> ListChunks(
        Protocol.ListChunksRequest request, ServerCallContext context)
    {
        int limit = request.Limit.InRange(1, ControlLimits.MaxChunksPerPage, "limit");
        var (status, chunks) = await node.ListChunksAsync(
            new VolumeId(request.Volume), new ChunkKey(request.After), limit, Admit(context));
        return new Protocol.ListChunksResponse { Status = (int)status, Chunks = chunks.ToProto() };
    }

    public override async Task<Protocol.DigestResponse> Digest(
        Protocol.DigestRequest request, ServerCallContext context)
    {
        var (status, digest) = await node.DigestAsync(new VolumeId(request.Volume), Admit(context));
        return new Protocol.DigestResponse { Status = (int)status, Digest = digest?.ToProto() };
    }

    public override async Task<Protocol.StatusResponse> Fetch(Protocol.FetchRequest request, ServerCallContext context) =>
        Answer(await node.FetchAsync(
            request.Order.Required("the order").FromProto(),
            new CopySource(request.Source.Required("the source").FromProto(), request.Capability.ToCapability()),
            request.Chunks.FromProto(),
            Admit(context)));

    public override async Task<Protocol.StatusResponse> Delete(
        Protocol.DeleteChunksRequest request, ServerCallContext context)
    {
        var volume = new VolumeId(request.Volume);
        ImmutableArray<ChunkKey> keys = request.Keys.ToArray(key => new ChunkKey(key));
        CancellationToken cancellationToken = Admit(context);
        return Answer(request.HasGeneration
            ? await node.DeleteAsync(volume, keys, request.Generation, cancellationToken)
            : await node.DeleteAsync(volume, keys, cancellationToken));
    }

    public override async Task<Protocol.StatusResponse> AcceptGeneration(
        Protocol.AcceptGenerationRequest request, ServerCallContext context) =>
        Answer(await node.AcceptGenerationAsync(request.Generation, Admit(context)));

    public override async Task<Protocol.StatusResponse> Verify(
        Protocol.VerifyRequest request, ServerCallContext context) =>
        Answer(await node.VerifyAsync(new VolumeId(request.Volume), new ChunkKey(request.Key), Admit(context)));

    private static readonly TimeSpan LongestProbe = TimeSpan.FromMinutes(1);

    private static Protocol.StatusResponse Answer(ChunkStatus status) => new() { Status = (int)status };

    private CancellationToken Admit(ServerCallContext context)
    {
        byte[]? meant = context.RequestHeaders.GetValueBytes(NodeHeader);
        if (meant is not { Length: 16 } || new Guid(meant, bigEndian: true) != self.Value)
        {
            throw new BigFsException(
                BigFsErrorCode.Unavailable, $"The call is not meant for datanode {self}, which listens here now.");
        }

        return context.CancellationToken;
    }
}
