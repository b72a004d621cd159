using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using NodeManagerClient = BigFs.Protocol.NodeManager.NodeManagerClient;

namespace BigFs.Hosting.NodeManager;

/// <summary>The node manager over gRPC, found at the name server.</summary>
internal sealed class GrpcNodeManager : INodeManager, IAsyncDisposable
{
    private readonly RoleConnection<NodeManagerClient> _connection;

    /// <summary>Makes a client; name server and channels stay the caller's.</summary>
    public GrpcNodeManager(INameServer names, ChannelCache channels, ControlTimeouts timeouts, TimeProvider clock) =>
        _connection = new(
            "node manager",
            new WatchedInstances(names, ServiceRole.NodeManager, clock),
            channels,
            c => new NodeManagerClient(c),
            timeouts,
            clock);

    public ValueTask<NodeAdmission> RegisterAsync(NodeReport report, CancellationToken cancellationToken)
    {
        Protocol.NodeReport request = report.ToProto();
        return _connection.CallAsync((c, o) => c.RegisterAsync(request, o), NodeMapping.FromProto, cancellationToken);
    }

    public ValueTask<ClusterMap?> GetMapAsync(long knownVersion, CancellationToken cancellationToken)
    {
        var request = new Protocol.GetMapRequest { KnownVersion = knownVersion };
        return _connection.CallAsync(
            (c, o) => c.GetMapAsync(request, o), answer => answer.Map?.FromProto(), cancellationToken);
    }

    public ValueTask BindNamespaceAsync(Guid namespaceId, long generation, CancellationToken cancellationToken)
    {
        var request = new Protocol.BindNamespaceRequest { Namespace = namespaceId.ToProto(), Generation = generation };
        return _connection.CallAsync((c, o) => c.BindNamespaceAsync(request, o), cancellationToken);
    }

    public ValueTask<ClusterMap> EnsureWritableAsync(int replicas, CancellationToken cancellationToken)
    {
        var request = new Protocol.EnsureWritableRequest { Replicas = replicas };
        return _connection.CallAsync(
            (c, o) => c.EnsureWritableAsync(request, o), NodeMapping.FromProto, cancellationToken);
    }

    public async ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken)
    {
        Protocol.ReplicaFault request = fault.ToProto();
        try
        {
            await _connection.CallAsync((c, o) => c.ReportAsync(request, o), cancellationToken);
        }
        catch (BigFsException)
        {
            // A hint that nobody took is no failure: the node manager probes for itself.
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
