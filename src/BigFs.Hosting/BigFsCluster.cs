namespace BigFs.Hosting;

/// <summary>
/// A whole cluster in this process: name server, metadata server, node manager, file server and datanodes with folders
/// of their own. The one way to have one: samples, <c>bigfs dev</c> and tests stand on it.
/// </summary>
public sealed class BigFsCluster : IAsyncDisposable
{
    private BigFsCluster(IBigFsClient client, string dataDirectory)
    {
        Client = client;
        DataDirectory = dataDirectory;
    }

    /// <summary>A client of this cluster.</summary>
    public IBigFsClient Client { get; }

    /// <summary>With <see cref="BigFsClusterOptions.Listen"/>: what other processes' clients take, "bigfs://127.0.0.1:port"; else null.</summary>
    public Uri? Endpoint { get; }

    /// <summary>Where everything is kept; empty in memory.</summary>
    public string DataDirectory { get; }

    /// <summary>The datanodes, in the order of their folders ("datanode-1" first).</summary>
    public IReadOnlyList<BigFsClusterNode> Nodes { get; } = [];

    /// <summary>Every role of the cluster, datanodes included: what listens where and keeps its data where.</summary>
    public IReadOnlyList<BigFsClusterRole> Roles { get; } = [];

    /// <summary>Starts a cluster and returns when it takes writes.</summary>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse, DataInUse, WrongCluster, DataUnreadable.</exception>
    public static Task<BigFsCluster> StartAsync(
        BigFsClusterOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Stops a datanode, as if its machine went away; its data stay.</summary>
    public Task StopNodeAsync(BigFsClusterNode node, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Starts a stopped datanode again on its data.</summary>
    public Task StartNodeAsync(BigFsClusterNode node, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Stops everything cleanly; deletes a temporary data folder.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A datanode of a cluster in the process.</summary>
public sealed class BigFsClusterNode
{
    internal BigFsClusterNode(string id, string dataDirectory) => (Id, DataDirectory) = (id, dataDirectory);

    /// <summary>Its identity.</summary>
    public string Id { get; }

    /// <summary>Its folder; empty in memory.</summary>
    public string DataDirectory { get; }

    /// <summary>Whether it runs now.</summary>
    public bool IsRunning { get; internal set; }
}

/// <summary>A role of a cluster in the process.</summary>
public sealed record BigFsClusterRole
{
    /// <summary>"name-server", "metadata-server", "node-manager", "file-server" or "datanode".</summary>
    public string Role { get; init; } = "";

    /// <summary>Its identity within the role.</summary>
    public string Id { get; init; } = "";

    /// <summary>Where its control service listens, "host:port"; empty when it does not.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Its folder; empty when it has none.</summary>
    public string DataDirectory { get; init; } = "";
}
