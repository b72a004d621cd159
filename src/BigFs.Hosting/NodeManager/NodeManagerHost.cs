using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Security;
using BigFs.Hosting.Backup;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.NodeManager;

/// <summary>A node manager with the volume map that it stands on.</summary>
internal sealed class NodeManagerHost : IAsyncDisposable
{
    private readonly SqliteVolumeMapStore _store;

    private NodeManagerHost(SqliteVolumeMapStore store, NodeManager role)
    {
        _store = store;
        Role = role;
    }

    private NodeManagerMetrics? _metrics;

    /// <summary>The role.</summary>
    public NodeManager Role { get; }

    /// <summary>What operators ask of it, to be served.</summary>
    public NodeManagerAdminService Admin => new(_store);

    /// <summary>Opens the map and starts.</summary>
    /// <param name="dataDirectory">Its folder; null for memory.</param>
    /// <param name="replicas">Replicas of a file that asks for no number of its own.</param>
    /// <param name="datanodes">How it reaches datanodes.</param>
    /// <param name="signer">Makes the capabilities of copy work.</param>
    /// <param name="bus">The event plane.</param>
    /// <param name="services">Clock and log.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable.</exception>
    public static async Task<NodeManagerHost> StartAsync(
        string? dataDirectory,
        int replicas,
        IDataNodeDirectory datanodes,
        CapabilitySigner signer,
        IClusterBus bus,
        RoleServices services,
        CancellationToken cancellationToken)
    {
        SqliteVolumeMapStore store = await SqliteVolumeMapStore.OpenAsync(dataDirectory, cancellationToken).ConfigureAwait(false);
        var role = new NodeManager(
            store,
            datanodes,
            signer,
            bus,
            new NodeManagerOptions { DefaultReplicas = replicas },
            services.Time,
            services.LoggerFor("BigFs.NodeManager"));
        var host = new NodeManagerHost(store, role);
        try
        {
            await role.StartAsync(cancellationToken).ConfigureAwait(false);
            host._metrics = new NodeManagerMetrics(() => role.Map);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops the role, then closes the map.</summary>
    public ValueTask DisposeAsync()
    {
        _metrics?.Dispose();
        return Disposal.OfAllAsync([Role, _store]);
    }
}
