using System.Net;
using BigFs.Hosting.Access;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>A cluster with a gateway, of roles that reach each other by sockets; with keys or without.</summary>
internal sealed class GatewayCluster : IAsyncDisposable
{
    public const string Secret = "1:0101010101010101010101010101010101010101010101010101010101010101";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bigfs-gateway-");
    private readonly List<BigFsRoleHost> _hosts = [];
    private readonly bool _keys;

    private readonly Action<BigFsRoleHostOptions>? _configureRole;

    private GatewayCluster(bool keys, Action<BigFsRoleHostOptions>? configureRole) => (_keys, _configureRole) = (keys, configureRole);

    /// <summary>The first administrator's key; empty without keys.</summary>
    public string AdminKey { get; private set; } = "";

    /// <summary>The gateway, "host:port".</summary>
    public string Door { get; private set; } = "";

    public Uri Http => new($"http://{Door}");

    /// <summary>The name server, for clients that go there directly.</summary>
    public Uri Endpoint { get; private set; } = null!;

    public string ControlEndpoint => Endpoint.Authority;

    /// <summary>The running roles, in the order of their start.</summary>
    public IReadOnlyList<BigFsRoleHost> Hosts => _hosts;

    public static async Task<GatewayCluster> StartAsync(
        bool keys = false,
        int datanodes = 1,
        int fileServers = 1,
        Action<BigFsRoleHostOptions>? configureGateway = null,
        Action<BigFsRoleHostOptions>? configureRole = null)
    {
        var cluster = new GatewayCluster(keys, configureRole);
        try
        {
            await cluster.StartRolesAsync(datanodes, fileServers, configureGateway);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client of HTTP, with a key or without; takes answers as they are.</summary>
    public HttpClient Client(string? key = null, Version? version = null)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
        {
            BaseAddress = Http,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(60),
        };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }

        return client;
    }

    /// <summary>A client that goes to the cluster directly.</summary>
    public BigFsClient Direct(string? key = null) => new(ClientOptions(key));

    /// <summary>Makes a key.</summary>
    public async Task<(string Id, string Text)> KeyAsync(string rights, string root = "/")
    {
        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(ClientOptions(AdminKey));
        (BigFsAccessKey key, string text) = await keys.CreateAsync(new BigFsAccessKey
        {
            Id = "",
            Name = $"{rights} of {root}",
            CanRead = rights.Contains('r', StringComparison.Ordinal),
            CanWrite = rights.Contains('w', StringComparison.Ordinal),
            CanAdminister = rights.Contains('a', StringComparison.Ordinal),
            Root = root,
        });
        return (key.Id, text);
    }

    public async Task RevokeAsync(string id)
    {
        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(ClientOptions(AdminKey));
        await keys.RevokeAsync(id);
    }

    /// <summary>Starts a file server more.</summary>
    public async Task<BigFsRoleHost> AddFileServerAsync() => await StartAsync(new BigFsRoleHostOptions { Roles = [BigFsRoleNames.FileServer] });

    /// <summary>Stops one of the hosts cleanly.</summary>
    public async Task StopAsync(BigFsRoleHost host)
    {
        _hosts.Remove(host);
        await host.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (BigFsRoleHost host in Enumerable.Reverse(_hosts))
        {
            await host.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private BigFsClientOptions ClientOptions(string? key) =>
        new() { Endpoint = Endpoint, ApiKey = key, OperationTimeout = TimeSpan.FromSeconds(15) };

    private async Task StartRolesAsync(int datanodes, int fileServers, Action<BigFsRoleHostOptions>? configureGateway)
    {
        BigFsRoleHost control = await StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager],
            DataDirectory = _folder.FullName,
            Replicas = Math.Clamp(datanodes, 1, 2),
        });
        Endpoint = new Uri("bigfs://" + control.Roles[0].Endpoint);
        if (_keys)
        {
            AdminKey = (await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "metadata-server", FirstAccessKey.FileName))).Trim();
        }

        for (int i = 0; i < fileServers; i++)
        {
            await AddFileServerAsync();
        }

        for (int i = 1; i <= datanodes; i++)
        {
            await StartAsync(new BigFsRoleHostOptions
            {
                Roles = [BigFsRoleNames.DataNode],
                DataDirectory = Path.Combine(_folder.FullName, $"datanode-{i}"),
                PreparedBytesPerNode = 0,
            });
        }

        BigFsRoleHostOptions gateway = new BigFsRoleHostOptions().UseGateway();
        configureGateway?.Invoke(gateway);
        BigFsRoleHost door = await StartAsync(gateway);
        Door = door.Roles.Single(role => role.Role == BigFsRoleNames.Gateway).Endpoint;
    }

    private async Task<BigFsRoleHost> StartAsync(BigFsRoleHostOptions options)
    {
        options.ClusterSecret = Secret;
        options.RequireKeys = _keys;
        options.NameServer = Endpoint?.Authority;
        options.StopTimeout = TimeSpan.FromSeconds(5);
        _configureRole?.Invoke(options);
        BigFsRoleHost host = await BigFsRoleHost.StartAsync(options);
        _hosts.Add(host);
        return host;
    }
}
