using Microsoft.Extensions.Logging;

namespace BigFs.Hosting;

/// <summary>One role or several of a cluster in this process, on loopback sockets: what <c>bigfs run</c> starts.</summary>
public sealed class BigFsRoleHost : IAsyncDisposable
{
    private BigFsRoleHost()
    {
    }

    /// <summary>The roles that run here: what listens where and keeps its data where.</summary>
    public IReadOnlyList<BigFsClusterRole> Roles { get; } = [];

    /// <summary>Starts the roles and returns when they serve.</summary>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse, DataInUse, WrongCluster, DataUnreadable.</exception>
    public static Task<BigFsRoleHost> StartAsync(BigFsRoleHostOptions options, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Stops the roles cleanly.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>Settings of roles in a process of their own; validated when they start.</summary>
public sealed class BigFsRoleHostOptions
{
    /// <summary>"name-server", "metadata-server", "node-manager", "file-server", "datanode"; each at most once.</summary>
    public IList<string> Roles { get; set; } = [];

    /// <summary>
    /// Where the data are kept: with one role the folder itself, with several a folder per role inside it, named after
    /// the role.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>Where the control services listen, "host:port", loopback only; port 0 (default) for any free one.</summary>
    public string Listen { get; set; } = "127.0.0.1:0";

    /// <summary>Where a datanode's transfer protocol listens, "host:port", loopback only; port 0 (default) for any free one.</summary>
    public string TransferListen { get; set; } = "127.0.0.1:0";

    /// <summary>The name server, "host:port"; needed unless it is among the roles.</summary>
    public string? NameServer { get; set; }

    /// <summary>Replicas of each chunk where an upload does not say, 1 to 8; default 2.</summary>
    public int Replicas { get; set; } = 2;

    /// <summary>
    /// Bytes that a datanode may hold prepared ahead of need, all open volumes together; default 64 MiB.
    /// </summary>
    public long PreparedBytesPerNode { get; set; } = 64L << 20;

    /// <summary>Where log events go; null (default): nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }
}
