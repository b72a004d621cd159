using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.NodeManager;

/// <summary>The node manager, served over gRPC.</summary>
internal sealed class NodeManagerService(INodeManager manager) : Protocol.NodeManager.NodeManagerBase
{
    public override async Task<Protocol.NodeAdmission> Register(Protocol.NodeReport request, ServerCallContext context)
    {
        NodeReport report = request.FromProto();
        RequireLoopback(report.ControlEndpoint);
        RequireLoopback(Loopback.WithoutScheme(report.TransferEndpoint));
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
        await manager.BindNamespaceAsync(request.Namespace.ToGuid(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> Report(Protocol.ReplicaFault request, ServerCallContext context)
    {
        await manager.ReportAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    // Whoever could register another machine's address here would have the cluster send its bytes there.
    private static void RequireLoopback(string endpoint)
    {
        if (Loopback.Parse(endpoint) is not { Port: > 0 })
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument,
                $"The endpoint \"{endpoint}\" is refused: without keys only \"host:port\" on loopback is taken.");
        }
    }
}
