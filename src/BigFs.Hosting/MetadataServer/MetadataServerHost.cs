using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>A metadata server with the engine that it stands on.</summary>
internal sealed class MetadataServerHost : IAsyncDisposable
{
    private readonly SqliteMetadataStore _engine;

    private MetadataServerHost(SqliteMetadataStore engine, MetadataServer role, NameDurability nameDurability)
    {
        _engine = engine;
        Role = role;
        NameDurability = nameDurability;
    }

    /// <summary>The role.</summary>
    public MetadataServer Role { get; }

    /// <summary>How safe a committed name is, for receipts.</summary>
    public NameDurability NameDurability { get; }

    /// <summary>How safe a name is on SQLite with a file, for receipts.</summary>
    public static NameDurability FileDurability { get; } = new(BigFsDurability.Flushed, "SQLite, one copy, synced");

    /// <summary>Opens the database and starts.</summary>
    /// <param name="dataDirectory">Its folder; null for memory.</param>
    /// <param name="replicas">Replicas of a file that asks for no number of its own.</param>
    /// <param name="nodeManager">The volume map.</param>
    /// <param name="datanodes">How it reaches datanodes.</param>
    /// <param name="bus">Is told what changes.</param>
    /// <param name="services">Clock and log.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, WrongCluster.</exception>
    public static async Task<MetadataServerHost> StartAsync(
        string? dataDirectory,
        int replicas,
        INodeManager nodeManager,
        IDataNodeDirectory datanodes,
        IClusterBus bus,
        RoleServices services,
        CancellationToken cancellationToken)
    {
        ILogger logger = services.LoggerFor("BigFs.MetadataServer");
        SqliteMetadataStore engine = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = dataDirectory, DefaultReplicas = replicas },
            services.Time,
            logger,
            cancellationToken).ConfigureAwait(false);
        var role = new MetadataServer(
            engine,
            engine,
            engine,
            nodeManager,
            datanodes,
            bus,
            new TombstoneWorkerOptions(),
            services.Time,
            services.LoggerOf<MetadataServer>());
        var host = new MetadataServerHost(engine, role, dataDirectory is null ? new NameDurability(BigFsDurability.Memory, "SQLite in memory") : FileDurability);
        try
        {
            await role.StartAsync(cancellationToken).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops the role, then closes the database.</summary>
    public ValueTask DisposeAsync() => Disposal.OfAllAsync([Role, _engine]);
}
