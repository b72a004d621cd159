using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.FileServer;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.NameServer;
using BigFs.Hosting.NodeManager;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Hosting.Tests.Grpc;

/// <summary>A name server on a loopback socket, and whatever roles a test starts beside it.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _owned = new();

    private TestCluster(ILoggerFactory loggerFactory) => LoggerFactory = loggerFactory;

    public ILoggerFactory LoggerFactory { get; }

    public INameServer Names { get; } = new Hosting.NameServer.NameServer(TimeProvider.System) { Lease = TimeSpan.FromMinutes(1) };

    public ControlTimeouts Timeouts { get; init; } = new() { Operation = TimeSpan.FromSeconds(10) };

    public ChannelCache Channels { get; } = new(TimeSpan.FromSeconds(5));

    public string NameServerEndpoint { get; private set; } = "";

    public static async Task<TestCluster> StartAsync(ControlTimeouts? timeouts = null, ILoggerFactory? loggerFactory = null)
    {
        var cluster = new TestCluster(loggerFactory ?? NullLoggerFactory.Instance)
        {
            Timeouts = timeouts ?? new ControlTimeouts { Operation = TimeSpan.FromSeconds(10) },
        };
        ControlListener listener = await cluster.ListenAsync(
            Protocol.NameServer.BindService(new NameServerService(cluster.Names)));
        cluster.NameServerEndpoint = listener.Endpoint;
        return cluster;
    }

    public async Task<ControlListener> ListenAsync(ServerServiceDefinition service, string address = "127.0.0.1:0")
    {
        ControlListener listener = Own(new ControlListener(address, LoggerFactory).Map(service));
        await listener.StartAsync(CancellationToken.None);
        return listener;
    }

    /// <summary>Starts a role and registers it.</summary>
    public async Task<ControlListener> ServeAsync(
        ServiceRole role, ServerServiceDefinition service, string id = "1", string address = "127.0.0.1:0")
    {
        ControlListener listener = await ListenAsync(service, address);
        await Names.RegisterAsync(Instance(role, listener.Endpoint, id), CancellationToken.None);
        return listener;
    }

    public Task<ControlListener> ServeAsync(IFileServer files, string id = "1") =>
        ServeAsync(ServiceRole.FileServer, Protocol.FileServer.BindService(new FileServerService(
            files, LoggerFactory.CreateLogger<FileServerService>())), id);

    public Task<ControlListener> ServeAsync(IMetadataStore store, string id = "1") =>
        ServeAsync(ServiceRole.MetadataServer, Protocol.MetadataServer.BindService(new MetadataServerService(
            store, LoggerFactory.CreateLogger<MetadataServerService>())), id);

    public Task<ControlListener> ServeAsync(INodeManager manager, string id = "1") =>
        ServeAsync(ServiceRole.NodeManager, Protocol.NodeManager.BindService(new NodeManagerService(manager)), id);

    public Task<ControlListener> ServeAsync(NodeId self, IDataNode node) =>
        ServeAsync(ServiceRole.DataNode, Protocol.DataNode.BindService(new DataNodeService(self, node)));

    public GrpcNameServer NameClient() =>
        Own(new GrpcNameServer(NameServerEndpoint, Channels, Timeouts, TimeProvider.System));

    public GrpcFileServer FileClient() => Own(new GrpcFileServer(NameServerEndpoint, Timeouts, TimeProvider.System));

    public GrpcMetadataStore MetadataClient() =>
        Own(new GrpcMetadataStore(Names, Channels, Timeouts, TimeProvider.System));

    public GrpcNodeManager ManagerClient() => Own(new GrpcNodeManager(Names, Channels, Timeouts, TimeProvider.System));

    public GrpcDataNodeDirectory DataNodes() =>
        new(Channels, Timeouts, LoggerFactory.CreateLogger<GrpcDataNodeDirectory>());

    public T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Push(owned);
        return owned;
    }

    public async ValueTask DisposeAsync()
    {
        while (_owned.TryPop(out IAsyncDisposable? owned))
        {
            await owned.DisposeAsync();
        }

        Channels.Dispose();
    }

    public static ServiceInstance Instance(ServiceRole role, string endpoint, string id = "1") =>
        new() { Role = role, Id = id, Endpoint = endpoint };
}
