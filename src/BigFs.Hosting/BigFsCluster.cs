using System.Collections.Concurrent;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.NameServer;
using BigFs.Hosting.NodeManager;

namespace BigFs.Hosting;

/// <summary>
/// A whole cluster in this process: name server, metadata server, node manager, file server and datanodes with folders
/// of their own. The one way to have one: samples, <c>bigfs dev</c> and tests stand on it. Thread-safe.
/// </summary>
public sealed class BigFsCluster : IAsyncDisposable
{
    private readonly BigFsClusterOptions _options;
    private readonly RoleServices _services;
    private readonly bool _temporary;
    private readonly IClusterBus _bus;
    private readonly LocalDataNodeDirectory _directory = new();
    private readonly DirectChunkTransport _transport;
    private readonly Stack<IAsyncDisposable> _started = new();
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly ConcurrentDictionary<BigFsClusterNode, DataNodeHost> _running = [];
    private readonly Dictionary<BigFsClusterNode, IDisk> _disks = [];
    private readonly List<BigFsClusterNode> _nodes = [];

    /// <summary>Where the file servers listen, the first on the name server's port; empty when nothing listens.</summary>
    private readonly List<string> _endpoints = [];
    private INameServer? _names;
    private IGateway? _gateway;
    private LeaseKeeper? _gatewayLease;
    private ClusterSecret? _secret;
    private NodeManagerHost? _nodeManager;
    private MetadataServerHost? _metadata;
    private BigFsClient? _client;
    private bool _disposed;

    private BigFsCluster(BigFsClusterOptions options)
    {
        _options = options;
        _services = RoleServices.For(options.LoggerFactory);
        _bus = options.Bus == BigFsBusKinds.Kafka
            ? Keep(options.BusEngine!.Connect(options.Kafka, _services))
            : new InProcessClusterBus(_services.LoggerFor("BigFs.ClusterBus"));
        _transport = new DirectChunkTransport(_directory.FindStore);
        _temporary = options.DataDirectory is null && !options.InMemory;
        DataDirectory = options.InMemory ? ""
            : _temporary ? Directory.CreateTempSubdirectory("bigfs-").FullName
            : Path.GetFullPath(options.DataDirectory!);
    }

    /// <summary>The metadata server, for tests that look behind the client.</summary>
    internal MetadataServerHost Metadata => _metadata!;

    /// <summary>The node manager, likewise.</summary>
    internal INodeManager NodeManager => _nodeManager!.Role;

    /// <summary>The datanodes' control sides, likewise.</summary>
    internal IDataNodeDirectory DataNodes => _directory;

    /// <summary>A client of this cluster.</summary>
    public IBigFsClient Client => _client!;

    /// <summary>
    /// With <see cref="BigFsClusterOptions.Listen"/>: what other processes' clients take, "bigfs://127.0.0.1:port"; else
    /// null.
    /// </summary>
    public Uri? Endpoint { get; private set; }

    /// <summary>The event plane, for tests that look at it.</summary>
    internal IClusterBus Bus => _bus;

    /// <summary>Where everything is kept; empty in memory.</summary>
    public string DataDirectory { get; }

    /// <summary>Replicas of a file that asks for no number of its own.</summary>
    public int Replicas => _options.EffectiveReplicas;

    /// <summary>The datanodes, in the order of their folders ("datanode-1" first).</summary>
    public IReadOnlyList<BigFsClusterNode> Nodes => _nodes;

    /// <summary>Every role of the cluster, datanodes included: what listens where and keeps its data where.</summary>
    public IReadOnlyList<BigFsClusterRole> Roles { get; private set; } = [];

    /// <summary>Starts a cluster and returns when it takes writes, or when its disks are too full for that.</summary>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the start; what was started is stopped.</param>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse, DataInUse, WrongCluster, DataUnreadable.</exception>
    public static async Task<BigFsCluster> StartAsync(
        BigFsClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new BigFsClusterOptions();
        options.Validate();
        var cluster = new BigFsCluster(options);
        try
        {
            await cluster.StartRolesAsync(cancellationToken).ConfigureAwait(false);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Stops a datanode cleanly: work in hand ends first and its data stay. To the rest of the cluster it is gone, without
    /// notice. A stopped one stays stopped.
    /// </summary>
    /// <param name="node">One of <see cref="Nodes"/>.</param>
    /// <param name="cancellationToken">Ends the wait for another change under way.</param>
    /// <exception cref="ArgumentException">The node is of another cluster.</exception>
    public async Task StopNodeAsync(BigFsClusterNode node, CancellationToken cancellationToken = default)
    {
        ThrowIfForeign(node);
        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            await StopNodeNeedsLockAsync(node).ConfigureAwait(false);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>
    /// Starts a stopped datanode again on its data. A running one goes on; one that fails to start is stopped again.
    /// </summary>
    /// <param name="node">One of <see cref="Nodes"/>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="ArgumentException">The node is of another cluster.</exception>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, WrongCluster.</exception>
    public async Task StartNodeAsync(BigFsClusterNode node, CancellationToken cancellationToken = default)
    {
        ThrowIfForeign(node);
        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_running.ContainsKey(node))
            {
                await StartNodeNeedsLockAsync(node, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Stops everything cleanly, in the order opposite to its start; deletes a temporary data folder.</summary>
    public async ValueTask DisposeAsync()
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            try
            {
                await Disposal.OfAllAsync([_gatewayLease, _gateway, _client, .. _running.Values, .. _started, _transport]).ConfigureAwait(false);
            }
            finally
            {
                EndNeedsLock();
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>What is left when every part has ended.</summary>
    private void EndNeedsLock()
    {
        foreach (BigFsClusterNode node in _nodes)
        {
            node.IsRunning = false;
        }

        foreach (IDisk disk in _disks.Values)
        {
            disk.Dispose();
        }

        if (_temporary)
        {
            Directory.Delete(DataDirectory, recursive: true);
        }
    }

    private async Task StartRolesAsync(CancellationToken cancellationToken)
    {
        string? secretFile = Folder(BigFsClusterSecretFile.Name);
        _secret = secretFile is null ? BigFsClusterSecretFile.CreateInMemory() : BigFsClusterSecretFile.LoadOrCreate(secretFile);
        var signer = new CapabilitySigner(_secret, new CapabilityOptions(), _services.Time);
        NodeManagerHost manager = await NodeManagerHost.StartAsync(
            Folder("node-manager"), _options.EffectiveReplicas, _directory, signer, _bus, _services, cancellationToken).ConfigureAwait(false);
        _nodeManager = manager;
        _started.Push(manager);
        MetadataServerHost metadata = await MetadataServerHost.StartAsync(
            _options.Metadata,
            Folder("metadata-server"),
            _options.EffectiveReplicas,
            manager.Role,
            _directory,
            _bus,
            _services,
            _options.Pace ?? MetadataPace.Default,
            cancellationToken)
            .ConfigureAwait(false);
        _metadata = metadata;
        _started.Push(metadata);
        List<FileServer.FileServer> files = [];
        for (int i = 0; i < _options.FileServers; i++)
        {
            files.Add(await StartFileServerAsync(metadata, manager.Role, signer).ConfigureAwait(false));
        }

        if (_options.Listen)
        {
            await ListenAsync(files, cancellationToken).ConfigureAwait(false);
            Endpoint = new Uri("bigfs://" + _endpoints[0]);
        }

        _client = new BigFsClient(new BigFsClientOptions { LoggerFactory = _services.LoggerFactory }, files[0], _transport);
        await StartNodesAsync(cancellationToken).ConfigureAwait(false);
        await WaitUntilWritableAsync(manager.Role, cancellationToken).ConfigureAwait(false);
        if (_options.GatewayEngine is { } engine)
        {
            await StartGatewayAsync(engine, cancellationToken).ConfigureAwait(false);
        }

        Roles = DescribeRoles();
    }

    /// <summary>On full disks what is there can still be read and deleted: then the cluster starts and says so.</summary>
    private async Task WaitUntilWritableAsync(INodeManager manager, CancellationToken cancellationToken)
    {
        try
        {
            await manager.EnsureWritableAsync(_options.EffectiveReplicas, cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException full) when (full.Code == BigFsErrorCode.OutOfSpace)
        {
            ClusterLog.StartedWithoutRoom(_services.LoggerFor("BigFs.Cluster"), full.Message);
        }
    }

    private async Task<FileServer.FileServer> StartFileServerAsync(
        MetadataServerHost metadata, INodeManager manager, CapabilitySigner signer)
    {
        var files = new FileServer.FileServer(
            metadata.Role,
            manager,
            signer,
            _bus,
            metadata.NameDurability,
            BigFsRoleHostOptions.DefaultMetadataCacheBytes,
            _services.Time,
            _services.LoggerFor("BigFs.FileServer"));
        _started.Push(files);
        await files.StartAsync().ConfigureAwait(false);
        return files;
    }

    /// <summary>The name server and the first file server on the port that was asked for, the other file servers on any.</summary>
    private async Task ListenAsync(IReadOnlyList<IFileServer> files, CancellationToken cancellationToken)
    {
        var nameServer = new NameServer.NameServer(_services.Time);
        _names = nameServer;
        foreach (IFileServer one in files)
        {
            bool isFirst = _endpoints.Count == 0;
            var listener = new ControlListener($"127.0.0.1:{(isFirst ? _options.Port : 0)}", _services.LoggerFactory);
            listener.Map(Protocol.FileServer.BindService(new FileServer.FileServerService(
                one, _services.LoggerOf<FileServer.FileServerService>(), listener.FileServerCalls)));
            if (isFirst)
            {
                listener.Map(Protocol.NameServer.BindService(new NameServerService(nameServer, listener.Stopping)));
            }

            _started.Push(listener);
            await listener.StartAsync(cancellationToken).ConfigureAwait(false);
            _endpoints.Add(listener.Endpoint);
            foreach (ServiceRole role in isFirst ? [ServiceRole.NameServer, ServiceRole.FileServer] : new[] { ServiceRole.FileServer })
            {
                var lease = new LeaseKeeper(
                    nameServer, RoleNames.Instance(role, RoleNames.Id(role, listener.Endpoint), listener.Endpoint), _services.Time, _services.LoggerOf<LeaseKeeper>());
                _started.Push(lease);
                lease.Start();
                await lease.Registered.WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            string id = RoleNames.Id(ServiceRole.FileServer, listener.Endpoint);
            Keep(new FileServer.FileServerPulse(_bus, id, listener.Endpoint, listener.FileServerCalls, _services.Time)).Start();
        }
    }

    private async Task StartGatewayAsync(BigFsGatewayEngine engine, CancellationToken cancellationToken)
    {
        var context = new GatewayContext
        {
            Options = _options.Gateway,
            Grace = TimeSpan.FromSeconds(2),
            Names = _names!,
            Bus = _bus,
            Services = _services,
        };
        _gateway = await engine.StartAsync(context, cancellationToken).ConfigureAwait(false);
        ServiceInstance instance = RoleNames.Instance(
            ServiceRole.Gateway, RoleNames.Id(ServiceRole.Gateway, _gateway.Endpoint), _gateway.Endpoint);
        _gatewayLease = new LeaseKeeper(_names!, instance, _services.Time, _services.LoggerOf<LeaseKeeper>());
        _gatewayLease.Start();
    }

    private async Task StartNodesAsync(CancellationToken cancellationToken)
    {
        for (int number = 1; number <= _options.DataNodes; number++)
        {
            var node = new BigFsClusterNode(Folder($"datanode-{number}") ?? "");
            _nodes.Add(node);
            IDisk disk = _options.InMemory ? new MemoryDisk() : DataNodeHost.DiskForThisPlatform();
            _disks[node] = _options.WrapDisk?.Invoke(number, disk) ?? disk;
        }

        await Task.WhenAll(_nodes.Select(node => StartNodeNeedsLockAsync(node, cancellationToken))).ConfigureAwait(false);
    }

    private async Task StartNodeNeedsLockAsync(BigFsClusterNode node, CancellationToken cancellationToken)
    {
        var settings = new VolumeStoreOptions
        {
            DataDirectory = _options.InMemory ? Path.GetFullPath("/memory") : node.DataDirectory,
            PreparedBytesPerNode = _options.PreparedBytesPerNode,
            Scrub = new ScrubOptions { BytesPerSecond = _options.ScrubBytesPerSecond, Interval = _options.ScrubInterval },
        };
        DataNodeHost host = await DataNodeHost.OpenAsync(
            _disks[node],
            settings,
            _options.Listen ? new TransferServerOptions() : null,
            _secret!.KeysOf,
            _nodeManager!.Role,
            _bus,
            _transport,
            _services,
            cancellationToken).ConfigureAwait(false);
        _running[node] = host;
        _directory.Add(host);
        node.Id = host.Store.Node.ToString();
        try
        {
            await host.StartAsync("", cancellationToken).ConfigureAwait(false);
            node.IsRunning = true;
        }
        catch
        {
            await StopNodeNeedsLockAsync(node).ConfigureAwait(false);
            throw;
        }
    }

    private async Task StopNodeNeedsLockAsync(BigFsClusterNode node)
    {
        if (_running.TryRemove(node, out DataNodeHost? host))
        {
            _directory.Remove(host);
            node.IsRunning = false;
            await host.DisposeAsync().ConfigureAwait(false);
        }
    }

    private IReadOnlyList<BigFsClusterRole> DescribeRoles() =>
    [
        .. _endpoints.Take(1).Select(endpoint => DescribeRole(ServiceRole.NameServer, endpoint)),
        DescribeRole(ServiceRole.MetadataServer, ""),
        DescribeRole(ServiceRole.NodeManager, ""),
        .. _endpoints.DefaultIfEmpty("").Select(endpoint => DescribeRole(ServiceRole.FileServer, endpoint)),
        .. _nodes.Select(node => new BigFsClusterRole
        {
            Role = RoleNames.Name(ServiceRole.DataNode),
            Id = node.Id,
            Endpoint = _running[node].TransferEndpoint,
            DataDirectory = node.DataDirectory,
        }),
        .. _gateway is { } gateway ? [DescribeRole(ServiceRole.Gateway, gateway.Endpoint)] : Array.Empty<BigFsClusterRole>(),
    ];

    private BigFsClusterRole DescribeRole(ServiceRole role, string endpoint) => new()
    {
        Role = RoleNames.Name(role),
        Id = RoleNames.Id(role, endpoint),
        Endpoint = endpoint,
        DataDirectory = role is ServiceRole.MetadataServer or ServiceRole.NodeManager ? Folder(RoleNames.Name(role)) ?? "" : "",
    };

    private void ThrowIfForeign(BigFsClusterNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (!_nodes.Contains(node))
        {
            throw new ArgumentException("The datanode is none of this cluster's Nodes.", nameof(node));
        }
    }

    private T Keep<T>(T part)
        where T : IAsyncDisposable
    {
        _started.Push(part);
        return part;
    }

    /// <summary>The folder of a role; null in memory.</summary>
    private string? Folder(string role) => _options.InMemory ? null : Path.Combine(DataDirectory, role);
}
