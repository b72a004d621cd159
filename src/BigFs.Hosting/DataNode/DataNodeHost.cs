using System.Security.Cryptography;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.DataNode;

/// <summary>A datanode with all that it stands on: its disk and volumes, its transfer listener when it has one, its role.</summary>
internal sealed class DataNodeHost : IAsyncDisposable
{
    private readonly TransferServer? _server;

    private DataNodeHost(VolumeStore store, TransferServer? server, DataNode node)
    {
        Store = store;
        _server = server;
        Node = node;
    }

    /// <summary>Its volumes.</summary>
    public VolumeStore Store { get; }

    /// <summary>Its role.</summary>
    public DataNode Node { get; }

    /// <summary>Where its transfer protocol listens; empty when it does not.</summary>
    public string TransferEndpoint => _server?.Endpoint ?? "";

    /// <summary>The disk layer of this operating system.</summary>
    public static IDisk DiskForThisPlatform() => OperatingSystem.IsLinux() ? new PosixDisk() : new PortableDisk();

    /// <summary>Opens its data and, when it is to listen, its port. It does not register yet.</summary>
    /// <param name="disk">Its disk.</param>
    /// <param name="store">Settings of its volumes.</param>
    /// <param name="transferListen">Where its transfer protocol listens, "host:port"; null for nowhere.</param>
    /// <param name="keysOf">Its keys for checking capabilities: all of the cluster's secret that it needs.</param>
    /// <param name="nodeManager">Whom it registers with.</param>
    /// <param name="bus">Where its heartbeats go.</param>
    /// <param name="peers">How it copies from other datanodes.</param>
    /// <param name="services">Clock and log.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, AddressInUse, InvalidSettings.</exception>
    public static async Task<DataNodeHost> OpenAsync(
        IDisk disk,
        VolumeStoreOptions store,
        string? transferListen,
        Func<NodeId, NodeKeys> keysOf,
        INodeManager nodeManager,
        IClusterBus bus,
        IReplicaTransport peers,
        RoleServices services,
        CancellationToken cancellationToken)
    {
        ILogger logger = services.LoggerFor("BigFs.DataNode");
        VolumeStore volumes = await VolumeStore.OpenAsync(store, disk, services.Time, logger, cancellationToken);
        TransferServer? server = null;
        try
        {
            if (transferListen is not null)
            {
                var capabilities = new CapabilityVerifier(keysOf(volumes.Node), new CapabilityOptions(), services.Time);
                server = new TransferServer(
                    volumes, capabilities, new TransferServerOptions { Endpoint = transferListen }, services.Time, logger);
                await server.StartAsync(cancellationToken);
            }

            // Another number than at any other start: that is how the node manager tells a restart.
            long incarnation = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue;
            var node = new DataNode(volumes, nodeManager, bus, peers, incarnation, store.Scrub, services.Time, logger);
            return new DataNodeHost(volumes, server, node);
        }
        catch
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }

            await volumes.DisposeAsync();
            throw;
        }
    }

    /// <summary>Registers under its endpoints and begins its heartbeats.</summary>
    public Task StartAsync(string controlEndpoint, CancellationToken cancellationToken) =>
        Node.StartAsync(TransferEndpoint, controlEndpoint, cancellationToken);

    /// <summary>Stops cleanly: no new work, work in hand ends, the clean mark is written. A part that fails keeps no other.</summary>
    public ValueTask DisposeAsync() => Disposal.OfAllAsync([Node, _server, Store]);
}
