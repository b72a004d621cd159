using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Security;
using BigFs.Hosting.Backup;
using BigFs.Hosting.Check;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.MetadataServer;

/// <summary>A metadata server with the engine that it stands on.</summary>
internal sealed class MetadataServerHost : IAsyncDisposable
{
    private readonly IMetadataEngine _engine;

    private readonly INodeManager _nodeManager;
    private readonly IDataNodeDirectory _dataNodes;
    private readonly TimeProvider _time;

    private MetadataServerHost(
        IMetadataEngine engine, MetadataServer role, INodeManager nodeManager, IDataNodeDirectory dataNodes, TimeProvider time)
    {
        _engine = engine;
        (_nodeManager, _dataNodes, _time) = (nodeManager, dataNodes, time);
        Role = role;
    }

    /// <summary>The role.</summary>
    public MetadataServer Role { get; }

    /// <summary>The keys of the cluster's clients.</summary>
    public IAccessKeyStore AccessKeys => _engine.AccessKeys;

    /// <summary>The engine.</summary>
    public IMetadataEngine Engine => _engine;

    /// <summary>What operators ask of it, to be served.</summary>
    public MetadataAdminService Admin => new(_engine, _engine as IDatabaseBackup, _engine is IMetadataInspection ? CheckAsync : null);

    /// <summary>How safe a committed name is, for receipts.</summary>
    public NameDurability NameDurability => _engine.NameDurability;

    /// <summary>How safe a name is on SQLite with a file, for receipts.</summary>
    public static NameDurability FileDurability { get; } = new(BigFsDurability.Flushed, "SQLite, one copy, synced");

    /// <summary>What is known of a name whose metadata server runs elsewhere, for receipts: each engine keeps so much.</summary>
    public static NameDurability ElsewhereDurability { get; } =
        new(BigFsDurability.Flushed, "the metadata server's database, at least one copy, synced");

    /// <summary>Opens the database and starts.</summary>
    /// <param name="elsewhere">The engine; null for SQLite.</param>
    /// <param name="dataDirectory">SQLite's folder; null for memory.</param>
    /// <param name="replicas">Replicas of a file that asks for no number of its own.</param>
    /// <param name="nodeManager">The volume map.</param>
    /// <param name="datanodes">How it reaches datanodes.</param>
    /// <param name="bus">Is told what changes.</param>
    /// <param name="services">Clock and log.</param>
    /// <param name="pace">How deletions are carried out.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, WrongCluster, Unavailable.</exception>
    public static async Task<MetadataServerHost> StartAsync(
        BigFsMetadataEngine? elsewhere,
        string? dataDirectory,
        int replicas,
        INodeManager nodeManager,
        IDataNodeDirectory datanodes,
        IClusterBus bus,
        RoleServices services,
        MetadataPace pace,
        CancellationToken cancellationToken)
    {
        IMetadataEngine engine = elsewhere is not null
            ? await elsewhere.OpenAsync(replicas, pace.ReadLease, services, cancellationToken).ConfigureAwait(false)
            : await SqliteMetadataStore.OpenAsync(
                new SqliteMetadataOptions
                {
                    DataDirectory = dataDirectory,
                    DefaultReplicas = replicas,
                    ReadLease = pace.ReadLease,
                },
                services.Time,
                services.LoggerFor("BigFs.MetadataServer"),
                cancellationToken).ConfigureAwait(false);
        var role = new MetadataServer(
            engine,
            engine,
            engine,
            nodeManager,
            datanodes,
            bus,
            pace.Deletions,
            services.Time,
            services.LoggerOf<MetadataServer>());
        var host = new MetadataServerHost(engine, role, nodeManager, datanodes, services.Time);
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

    /// <summary>Compares names, volumes and chunks of the cluster.</summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut.</exception>
    public Task<BigFsCheckSummary> CheckAsync(
        CheckOptions options, Func<BigFsFinding, ValueTask> tell, CancellationToken cancellationToken) => ClusterCheck.RunAsync(
        _engine, (IMetadataInspection)_engine, _nodeManager, _dataNodes, options, _time, tell, cancellationToken);

    /// <summary>Stops the role, then closes the database.</summary>
    public ValueTask DisposeAsync() => Disposal.OfAllAsync([Role, _engine]);
}
