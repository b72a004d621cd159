using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using BigFs.Hosting.Access;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.Messaging;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.NameServer;
using BigFs.Hosting.NodeManager;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting;

/// <summary>
/// One or several roles of a cluster in this process, joined to the other processes by sockets: what <c>bigfs run</c>
/// runs. Roles find each other through the name server, in whatever order the processes start.
/// </summary>
public sealed class BigFsRoleHost : IAsyncDisposable
{
    /// <summary>
    /// Roles start in any order: each waits for those that it needs, for longer than those who call it, who end the wait by
    /// deadlines of their own.
    /// </summary>
    private static readonly ControlTimeouts Patient = new() { WaitForRole = true, Operation = TimeSpan.FromMinutes(2) };

    /// <summary>Orders to datanodes: who gives them decides soon what silence means.</summary>
    private static readonly ControlTimeouts Orders = new();

    private readonly BigFsRoleHostOptions _options;
    private readonly RoleServices _services;
    private readonly IReadOnlyList<ServiceRole> _roles;
    private readonly Stack<IAsyncDisposable> _started = new();
    private readonly ChannelCache _channels;
    private readonly ControlListener _listener;
    private readonly ClusterSecret? _secret;
    private readonly RoleAccess _access;
    private IAccessKeyStore? _keys;
    private NameDurability _nameDurability = MetadataServerHost.ElsewhereDurability;
    private IDisk? _disk;
    private readonly List<BigFsClusterRole> _described = [];
    private readonly List<INameServer> _nameServers = [];
    private readonly RoleProbes _probes = new();
    private readonly HealthService _health;

    private BigFsRoleHost(BigFsRoleHostOptions options)
    {
        _options = options;
        _roles = options.Check();
        _services = RoleServices.For(options.LoggerFactory);
        _secret = Secret();
        _access = new RoleAccess(options, _roles, _secret, _services.Time);
        _channels = new ChannelCache(Patient.Connect, _access.Channels);
        _listener = new ControlListener(options.Listen, _services.LoggerFactory, _access.Listener) { Grace = options.StopTimeout };
        _health = new HealthService(_listener.Stopping);
        _health.Set(isServing: false);
        _listener.Map(_health.Bind());
    }

    /// <summary>The roles that run here.</summary>
    public IReadOnlyList<BigFsClusterRole> Roles => _described;

    /// <summary>
    /// Starts the roles and returns when they serve: a datanode waits for the node manager, the others for nobody.
    /// </summary>
    /// <param name="options">Settings.</param>
    /// <param name="cancellationToken">Ends the start; what was started is stopped.</param>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse, DataInUse, WrongCluster, DataUnreadable.</exception>
    public static async Task<BigFsRoleHost> StartAsync(
        BigFsRoleHostOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var host = new BigFsRoleHost(options);
        try
        {
            await host.StartRolesAsync(cancellationToken).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether each role can do its work now: serves, and reaches whom it needs. Takes two seconds at most.</summary>
    public Task<IReadOnlyList<BigFsRoleHealth>> CheckAsync(CancellationToken cancellationToken = default) =>
        _probes.AskAsync(cancellationToken);

    /// <summary>
    /// Stops the roles cleanly: releases their leases, takes no new work, lets the work in hand end within
    /// <see cref="BigFsRoleHostOptions.StopTimeout"/>; in the order opposite to their start. One that fails keeps no other.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _health.Set(isServing: false);
        IAsyncDisposable[] parts = [.. _started];
        _started.Clear();
        try
        {
            await Disposal.OfAllAsync(parts).ConfigureAwait(false);
        }
        finally
        {
            try
            {
                _disk?.Dispose();
            }
            finally
            {
                _channels.Dispose();
            }
        }
    }

    private async Task StartRolesAsync(CancellationToken cancellationToken)
    {
        (INameServer names, IClusterBus bus) = StartPlanes();
        var datanodes = new GrpcDataNodeDirectory(_channels, Orders, _services.LoggerOf<GrpcDataNodeDirectory>());
        INodeManager manager = await StartNodeManagerAsync(names, datanodes, bus, cancellationToken).ConfigureAwait(false);
        IMetadataStore metadata =
            await StartMetadataAsync(names, manager, datanodes, bus, cancellationToken).ConfigureAwait(false);
        UseKeys(names);
        if (_roles.Contains(ServiceRole.FileServer))
        {
            var files = Keep(new FileServer.FileServer(
                metadata,
                manager,
                Signer(),
                bus,
                _nameDurability,
                _options.MetadataCacheBytes,
                _services.Time,
                _services.LoggerFor("BigFs.FileServer"),
                _access.Scatter));
            await files.StartAsync().ConfigureAwait(false);
            _listener.Map(Protocol.AccessKeys.BindService(new AccessKeysService(
                new AccessKeyAdministration(_keys!, files, _services.Time), _access.Forget, _services.Time)));
            _listener.Map(Protocol.FileServer.BindService(new FileServer.FileServerService(
                files, _services.LoggerOf<FileServer.FileServerService>(), _listener.FileServerCalls)));
        }

        DataNodeHost? datanode = _roles.Contains(ServiceRole.DataNode)
            ? await OpenDataNodeAsync(manager, bus, cancellationToken).ConfigureAwait(false)
            : null;
        Keep(_listener);
        await _listener.StartAsync(cancellationToken).ConfigureAwait(false);
        if (datanode is not null)
        {
            await datanode.StartAsync(_listener.Endpoint, cancellationToken).ConfigureAwait(false);
        }

        IGateway? gateway = _roles.Contains(ServiceRole.Gateway)
            ? Keep(await _options.GatewayEngine!.StartAsync(GatewayOn(names, bus), cancellationToken).ConfigureAwait(false))
            : null;
        foreach (ServiceRole role in _roles)
        {
            Announce(role, role == ServiceRole.Gateway ? gateway!.Endpoint : _listener.Endpoint, datanode);
            _probes.Add(role, role == ServiceRole.Gateway ? gateway!.CheckAsync : ProbeOf(role, metadata, manager, datanode));
        }

        if (_roles.Contains(ServiceRole.FileServer))
        {
            string id = RoleNames.Id(ServiceRole.FileServer, _listener.Endpoint);
            Keep(new FileServer.FileServerPulse(bus, id, _listener.Endpoint, _listener.FileServerCalls, _services.Time)).Start();
        }

        _health.Set(isServing: true);
    }

    private GatewayContext GatewayOn(INameServer names, IClusterBus bus) => new()
    {
        Options = _options.Gateway,
        Grace = _options.StopTimeout,
        BeyondLoopback = _options.RequireKeys,
        Gate = _access.Gate,
        Names = names,
        Bus = bus,
        ControlTls = _access.Channels.Tls,
        TransferTls = ClientTls(),
        Services = _services,
    };

    /// <summary>What a role needs to do its work, as a question.</summary>
    private static Func<CancellationToken, Task> ProbeOf(
        ServiceRole role, IMetadataStore metadata, INodeManager manager, DataNodeHost? datanode) => role switch
        {
            ServiceRole.MetadataServer => token => metadata.FindAsync(BigFsPath.Root, withManifest: false, token).AsTask(),
            ServiceRole.NodeManager => token => manager.GetMapAsync(-1, token).AsTask(),
            ServiceRole.FileServer => token => Task.WhenAll(
                metadata.FindAsync(BigFsPath.Root, withManifest: false, token).AsTask(), manager.GetMapAsync(-1, token).AsTask()),
            ServiceRole.DataNode => token => ProbeNodeAsync(datanode!.Store.Node, manager, token),
            _ => _ => Task.CompletedTask,
        };

    private static async Task ProbeNodeAsync(NodeId node, INodeManager manager, CancellationToken cancellationToken)
    {
        ClusterMap? map = await manager.GetMapAsync(-1, cancellationToken).ConfigureAwait(false);
        if (map?.Nodes.FirstOrDefault(one => one.Id == node)?.State != NodeState.Up)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager does not count this datanode as up.");
        }
    }

    /// <summary>The keys of clients: the metadata server's here, or one's elsewhere. Only who serves clients checks them.</summary>
    private void UseKeys(INameServer names)
    {
        _keys ??= Keep(new GrpcAccessKeyStore(names, _channels, new ControlTimeouts(), _services.Time));
        _access.Use(_keys);
        Keep(_access);
    }

    /// <summary>The name servers and the bus: here, and those of other processes; with a broker, that is the bus.</summary>
    private (INameServer Names, IClusterBus Bus) StartPlanes()
    {
        bool isRelayed = _options.Bus == BigFsBusKinds.Relay;
        var buses = new List<IClusterBus>();
        bool isHere = _roles.Contains(ServiceRole.NameServer);
        if (isHere)
        {
            var names = new NameServer.NameServer(_services.Time) { Endpoints = _access.Endpoints };
            _listener.Map(Protocol.NameServer.BindService(new NameServerService(names, _listener.Stopping, _access.Endpoints)));
            _nameServers.Add(names);
            buses.Add(isRelayed ? ServeRelay() : new InProcessClusterBus(_services.LoggerFor("BigFs.ClusterBus")));
        }

        // A list that is the same for all machines names this process, too.
        string[] others = [.. NameServerList.Split(_options.NameServer ?? "")
            .Where(other => other.Length > 0 && !(isHere && other == _options.Listen))];
        foreach (string other in others)
        {
            _nameServers.Add(Keep(new GrpcNameServer(other, _channels, Patient, _services.Time)));
            if (isRelayed)
            {
                buses.Add(Keep(new RelayClusterBus(other, _channels, _services.Time, _services.LoggerOf<RelayClusterBus>())));
            }
        }

        // A name server alone neither publishes nor listens.
        if (!isRelayed && _roles is not [ServiceRole.NameServer])
        {
            buses = [Keep(_options.BusEngine!.Connect(_options.Kafka, _services))];
        }

        return (
            isHere || others.Length == 1
                ? _nameServers[0]
                : Keep(new GrpcNameServer(string.Join(',', others), _channels, Patient, _services.Time)),
            buses.Count == 1 ? buses[0] : new JoinedClusterBus(buses));
    }

    private InProcessClusterBus ServeRelay()
    {
        var bus = new InProcessClusterBus(_services.LoggerFor("BigFs.ClusterBus"));
        _listener.Map(Protocol.ClusterBus.BindService(new ClusterBusService(
            bus, _listener.Stopping, _services.Time, _services.LoggerOf<ClusterBusService>())));
        return bus;
    }

    private async Task<INodeManager> StartNodeManagerAsync(
        INameServer names, IDataNodeDirectory datanodes, IClusterBus bus, CancellationToken cancellationToken)
    {
        if (!_roles.Contains(ServiceRole.NodeManager))
        {
            return Keep(new GrpcNodeManager(names, _channels, Patient, _services.Time));
        }

        NodeManagerHost host = Keep(await NodeManagerHost.StartAsync(
            Folder(ServiceRole.NodeManager), _options.Replicas, datanodes, Signer(), bus, _services, cancellationToken)
            .ConfigureAwait(false));
        _listener.Map(Protocol.NodeManager.BindService(new NodeManagerService(host.Role, _access.Endpoints)))
            .Map(Protocol.NodeManagerAdmin.BindService(host.Admin));
        return host.Role;
    }

    private async Task<IMetadataStore> StartMetadataAsync(
        INameServer names, INodeManager manager, IDataNodeDirectory datanodes, IClusterBus bus, CancellationToken cancellationToken)
    {
        if (!_roles.Contains(ServiceRole.MetadataServer))
        {
            return Keep(new GrpcMetadataStore(names, _channels, Patient, _services.Time));
        }

        MetadataServerHost host = Keep(await MetadataServerHost.StartAsync(
            _options.Metadata,
            _options.Metadata is null ? Folder(ServiceRole.MetadataServer) : null,
            _options.Replicas,
            manager,
            datanodes,
            bus,
            _services,
            MetadataPace.Default,
            cancellationToken).ConfigureAwait(false));
        _keys = host.AccessKeys;
        if (_options.RequireKeys)
        {
            await FirstAccessKey.EnsureAsync(
                _keys,
                Folder(ServiceRole.MetadataServer),
                _services.Time,
                _services.LoggerFor("BigFs.Access"),
                cancellationToken).ConfigureAwait(false);
        }

        _listener.Map(Protocol.AccessKeyStore.BindService(new AccessKeyStoreService(_keys, _services.Time)));
        _nameDurability = host.NameDurability;
        _listener.Map(Protocol.MetadataServer.BindService(new MetadataServerService(
            host.Role, _services.LoggerOf<MetadataServerService>())))
            .Map(Protocol.MetadataAdmin.BindService(host.Admin));
        return host.Role;
    }

    private async Task<DataNodeHost> OpenDataNodeAsync(
        INodeManager manager, IClusterBus bus, CancellationToken cancellationToken)
    {
        var client = new TransferClientOptions { Tls = ClientTls() };
        var peers = Keep(new TcpChunkTransport(
            client, _services.Time, _services.LoggerFor("BigFs.Transfer")));
        _disk = DataNodeHost.DiskForThisPlatform();
        var settings = new VolumeStoreOptions
        {
            DataDirectory = Folder(ServiceRole.DataNode),
            PreparedBytesPerNode = _options.PreparedBytesPerNode,
            Scrub = new ScrubOptions { BytesPerSecond = _options.ScrubBytesPerSecond, Interval = _options.ScrubInterval },
        };
        DataNodeHost host = Keep(await DataNodeHost.OpenAsync(
            _disk, settings, TransferOptions(client), _secret!.KeysOf, manager, bus, peers, _services, cancellationToken)
            .ConfigureAwait(false));
        _listener.Map(Protocol.DataNode.BindService(new DataNodeService(host.Store.Node, host.Node)));
        return host;
    }

    private TransferServerOptions TransferOptions(TransferClientOptions relay) => new()
    {
        Endpoint = _options.TransferListen,
        BeyondLoopback = _options.RequireKeys,
        Advertise = _options.TransferAdvertise,
        Relay = relay,
        StopTimeout = _options.StopTimeout,
        Tls = _options.TransferCertificateFile is not { } certificate ? null : new TransferServerTls
        {
            CertificateFile = certificate,
            KeyFile = _options.TransferKeyFile!,
            ClientAuthorityFile = _options.TransferClientCertificates ? _options.TransferAuthorityFile : null,
        },
    };

    /// <summary>As a client of its peers a datanode shows its own certificate.</summary>
    private TransferClientTls? ClientTls() => _options.TransferAuthorityFile is not { } authority ? null : new TransferClientTls
    {
        AuthorityFile = authority,
        CertificateFile = _options.TransferCertificateFile,
        KeyFile = _options.TransferKeyFile,
    };

    /// <summary>Describes a role and keeps its lease at each name server alive.</summary>
    private void Announce(ServiceRole role, string endpoint, DataNodeHost? datanode)
    {
        string id = role == ServiceRole.DataNode ? datanode!.Store.Node.ToString() : RoleNames.Id(role, endpoint);
        _described.Add(new BigFsClusterRole
        {
            Role = RoleNames.Name(role),
            Id = id,
            Endpoint = role == ServiceRole.DataNode ? datanode!.TransferEndpoint : endpoint,
            DataDirectory = role is ServiceRole.NameServer or ServiceRole.FileServer or ServiceRole.Gateway ? ""
                : role == ServiceRole.MetadataServer && _options.Metadata is { } engine ? engine.Location
                : Folder(role),
        });
        foreach (INameServer names in _nameServers)
        {
            Keep(new LeaseKeeper(names, RoleNames.Instance(role, id, endpoint), _services.Time, _services.LoggerOf<LeaseKeeper>()))
                .Start();
        }
    }

    /// <summary>The cluster's secret: given, or the node manager's own; null for roles that neither sign nor check.</summary>
    private ClusterSecret? Secret() =>
        _options.ClusterSecret is { } text ? ClusterSecret.Parse(text, $"The setting {nameof(_options.ClusterSecret)}")
        : _options.ClusterSecretFile is { } file ? BigFsClusterSecretFile.Load(Path.GetFullPath(file))
        : _roles.Contains(ServiceRole.NodeManager)
            ? BigFsClusterSecretFile.LoadOrCreate(Path.Combine(Folder(ServiceRole.NodeManager), BigFsClusterSecretFile.Name))
        : null;

    private CapabilitySigner Signer() => new(_secret!, new CapabilityOptions(), _services.Time);

    private string Folder(ServiceRole role)
    {
        string folder = Path.GetFullPath(_options.DataDirectory!);
        return _roles.Count == 1 ? folder : Path.Combine(folder, RoleNames.Name(role));
    }

    private T Keep<T>(T part)
        where T : IAsyncDisposable
    {
        _started.Push(part);
        return part;
    }
}
