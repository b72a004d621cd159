using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.NodeManager;

/// <summary>The node manager, served over gRPC.</summary>
/// <param name="manager">The node manager.</param>
/// <param name="endpoints">Which endpoints a datanode may register; null: on loopback.</param>
internal sealed class NodeManagerService(INodeManager manager, EndpointRules? endpoints = null)
    : Protocol.NodeManager.NodeManagerBase
{
    private readonly EndpointRules _endpoints = endpoints ?? EndpointRules.LoopbackOnly;

    public override async Task<Protocol.NodeAdmission> Register(Protocol.NodeReport request, ServerCallContext context)
    {
        NodeReport report = request.FromProto();
        Require(report.ControlEndpoint, context);
        Require(Loopback.WithoutScheme(report.TransferEndpoint), context);
        return (await manager.RegisterAsync(report, context.CancellationToken)).ToProto();
    }

    public override async Task<Protocol.GetMapResponse> GetMap(Protocol.GetMapRequest request, ServerCallContext context)
    {
        ClusterMap? map = await manager.GetMapAsync(request.KnownVersion, context.CancellationToken);
        return new Protocol.GetMapResponse { Map = map?.ToProto() };
    }

    public override async Task<Protocol.ClusterMap> EnsureWritable(
        Protocol.EnsureWritableRequest request, ServerCallContext context)
    {
        int replicas = request.Replicas.InRange(1, Limits.MaxReplicas, "replicas");
        return (await manager.EnsureWritableAsync(replicas, context.CancellationToken)).ToProto();
    }

    public override async Task<Protocol.Empty> BindNamespace(Protocol.BindNamespaceRequest request, ServerCallContext context)
    {
        await manager.BindNamespaceAsync(request.Namespace.ToGuid(), request.Generation, context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> Report(Protocol.ReplicaFault request, ServerCallContext context)
    {
        await manager.ReportAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    // Whoever could register another machine's address here would have the cluster send its bytes there.
    private void Require(string endpoint, ServerCallContext context)
    {
        if (_endpoints.Problem(endpoint, Peers.IsOnLoopback(context)) is { } problem)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, problem);
        }
    }
}
