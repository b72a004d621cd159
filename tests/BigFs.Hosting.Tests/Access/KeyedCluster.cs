using System.Collections.Concurrent;
using BigFs.Core.Control;
using BigFs.Hosting.Access;
using BigFs.Hosting.Tests.Persistence;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Grpc.Net.Client;

namespace BigFs.Hosting.Tests.Access;

/// <summary>A cluster that requires keys: the control roles as one process and a datanode as another, as it were.</summary>
internal sealed class KeyedCluster : IAsyncDisposable
{
    public const string Secret = "1:0101010101010101010101010101010101010101010101010101010101010101";

    private readonly TemporaryDirectory _folder = new();
    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new();
    private BigFsRoleHost _control = null!;
    private BigFsRoleHost _datanode = null!;

    private KeyedCluster()
    {
    }

    /// <summary>The first administrator's key, as the metadata server wrote it.</summary>
    public string AdminKey { get; private set; } = "";

    public string AdminKeyFile => Path.Combine(_folder.Path, "metadata-server", FirstAccessKey.FileName);

    public string ControlEndpoint => _control.Roles[0].Endpoint;

    public string DataNodeControlEndpoint { get; private set; } = "";

    public Guid DataNode { get; private set; }

    public Uri Endpoint => new($"bigfs://{ControlEndpoint}");

    public static async Task<KeyedCluster> StartAsync(
        Action<BigFsRoleHostOptions>? configure = null, Action<BigFsClientOptions>? configureClient = null)
    {
        var cluster = new KeyedCluster();
        try
        {
            await cluster.StartRolesAsync(configure, configureClient);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public BigFsClient Client(string? key, Action<BigFsClientOptions>? configure = null) => new(ClientOptions(key, configure));

    public BigFsClientOptions ClientOptions(string? key, Action<BigFsClientOptions>? configure = null)
    {
        var options = new BigFsClientOptions { Endpoint = Endpoint, ApiKey = key, OperationTimeout = TimeSpan.FromSeconds(15) };
        configure?.Invoke(options);
        return options;
    }

    /// <summary>Makes a key.</summary>
    public async Task<(string Id, string Text)> KeyAsync(
        string rights, string root = "/", DateTimeOffset? expires = null, string? by = null)
    {
        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(ClientOptions(by ?? AdminKey));
        (BigFsAccessKey key, string text) = await keys.CreateAsync(new BigFsAccessKey
        {
            Id = "",
            Name = $"{rights} of {root}",
            CanRead = rights.Contains('r', StringComparison.Ordinal),
            CanWrite = rights.Contains('w', StringComparison.Ordinal),
            CanAdminister = rights.Contains('a', StringComparison.Ordinal),
            Root = root,
            Expires = expires,
        });
        return (key.Id, text);
    }

    public async Task RevokeAsync(string id)
    {
        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(ClientOptions(AdminKey));
        await keys.RevokeAsync(id);
    }

    /// <summary>What calls the process that serves a service, without anything that proves who calls.</summary>
    public CallInvoker Invoker(string service)
    {
        string endpoint = service == "bigfs.v1.DataNode" ? DataNodeControlEndpoint : ControlEndpoint;
        return _channels.GetOrAdd(endpoint, static one => GrpcChannel.ForAddress("http://" + one)).CreateCallInvoker();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels.Values)
        {
            channel.Dispose();
        }

        if (_datanode is not null)
        {
            await _datanode.DisposeAsync();
        }

        if (_control is not null)
        {
            await _control.DisposeAsync();
        }

        _folder.Dispose();
    }

    private async Task StartRolesAsync(Action<BigFsRoleHostOptions>? configure, Action<BigFsClientOptions>? configureClient)
    {
        var control = new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager, BigFsRoleNames.FileServer],
            DataDirectory = _folder.Path,
            ClusterSecret = Secret,
            Replicas = 1,
            RequireKeys = true,
        };
        configure?.Invoke(control);
        _control = await BigFsRoleHost.StartAsync(control);
        AdminKey = (await File.ReadAllTextAsync(AdminKeyFile)).Trim();
        var datanode = new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.DataNode],
            DataDirectory = Path.Combine(_folder.Path, "datanode"),
            ClusterSecret = Secret,
            NameServer = ControlEndpoint,
            RequireKeys = true,
        };
        configure?.Invoke(datanode);
        datanode.Roles = [BigFsRoleNames.DataNode];
        _datanode = await BigFsRoleHost.StartAsync(datanode);
        DataNode = Guid.ParseExact(_datanode.Roles[0].Id, "N");
        DataNodeControlEndpoint = await FindDataNodeAsync(configureClient);
    }

    private async Task<string> FindDataNodeAsync(Action<BigFsClientOptions>? configureClient)
    {
        ClientSettings settings =
            ClientSettings.Of(ClientOptions(AdminKey, configureClient), remote: true);
        using var channels = new ChannelCache(
            settings.ConnectTimeout, ChannelSecurity.Of(settings.ApiKey, settings.ControlTls));
        await using var names = new GrpcNameServer(
            ControlEndpoint, channels, new ControlTimeouts(), TimeProvider.System);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var found = await names.ResolveAsync(ServiceRole.DataNode, limit.Token);
            if (found.Length > 0)
            {
                return found[0].Endpoint;
            }

            await Task.Delay(20, limit.Token);
        }
    }
}
