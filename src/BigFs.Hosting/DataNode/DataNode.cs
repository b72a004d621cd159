using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.DataNode;

/// <summary>
/// A datanode's control side: registers with the node manager, sends heartbeats, carries out orders on its volumes, and
/// fetches chunks from peers. Its chunks are served beside it, by the transfer protocol or directly.
/// </summary>
internal sealed partial class DataNode : IDataNode, IAsyncDisposable
{
    private static readonly TimeSpan RegistrationPause = TimeSpan.FromMilliseconds(200);

    private readonly VolumeStore _store;
    private readonly INodeManager _nodeManager;
    private readonly IClusterBus _bus;
    private readonly IChunkTransport _peers;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _incarnation;
    private readonly CancellationTokenSource _stop = new();
    private string _transferEndpoint = "";
    private string _controlEndpoint = "";
    private Task _heartbeats = Task.CompletedTask;

    /// <summary>Makes a datanode.</summary>
    /// <param name="store">Its volumes; owned by the caller.</param>
    /// <param name="nodeManager">Whom it registers with.</param>
    /// <param name="bus">Where its heartbeats go.</param>
    /// <param name="peers">How it reads from other datanodes.</param>
    /// <param name="incarnation">A random number of this start.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    public DataNode(
        VolumeStore store,
        INodeManager nodeManager,
        IClusterBus bus,
        IChunkTransport peers,
        long incarnation,
        TimeProvider time,
        ILogger logger)
    {
        _store = store;
        _nodeManager = nodeManager;
        _bus = bus;
        _peers = peers;
        _incarnation = incarnation;
        _time = time;
        _logger = logger;
    }

    /// <summary>Its identity.</summary>
    public NodeId Id => _store.Node;

    /// <summary>
    /// Registers, waiting while the node manager is away, and starts to send heartbeats.
    /// </summary>
    /// <param name="transferEndpoint">Where its transfer protocol listens; empty in process.</param>
    /// <param name="controlEndpoint">Where its control service listens; empty in process.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">WrongCluster, DataInUse: the node manager refused.</exception>
    public async Task StartAsync(string transferEndpoint, string controlEndpoint, CancellationToken cancellationToken)
    {
        _transferEndpoint = transferEndpoint;
        _controlEndpoint = controlEndpoint;
        NodeAdmission admission = await RegisterAsync(cancellationToken);
        await _store.AdoptClusterAsync(admission.ClusterId, cancellationToken);
        _heartbeats = SendHeartbeatsAsync(admission.HeartbeatInterval);
        LogRegistered(_logger, Id, admission.ClusterId.ToString("N"));
    }

    /// <inheritdoc/>
    public ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken) =>
        new(_stop.IsCancellationRequested ? null : Report());

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        _store.OpenVolumeAsync(order, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        _store.FenceAsync(order, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        _store.SealAsync(order, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken) =>
        _store.ListChunksAsync(volume, after, limit, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> FetchAsync(
        VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
    {
        foreach (StoredChunkInfo chunk in chunks)
        {
            ChunkBuffer buffer = await _store.Buffers.RentAsync(chunk.Length, cancellationToken);
            ChunkStatus status;
            try
            {
                var reference = new ChunkReference(order.Volume, chunk.Key, chunk.Length, chunk.Crc32C);
                status = await _peers.ReadAsync(
                    source.Node, reference, source.Capability, 0, buffer.Payload, cancellationToken);
            }
            catch
            {
                buffer.Dispose();
                throw;
            }

            if (status == ChunkStatus.Ok)
            {
                status = await _store.AdoptAsync(order, chunk, buffer, cancellationToken);
            }
            else
            {
                buffer.Dispose();
            }

            if (status != ChunkStatus.Ok)
            {
                LogFetchFailed(_logger, chunk.Key, order.Volume, source.Node.Id, status);
                return status;
            }
        }

        return ChunkStatus.Ok;
    }

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken) =>
        _store.DeleteAsync(volume, keys, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken)
    {
        ChunkStatus status = await _store.VerifyAsync(volume, key, cancellationToken);
        if (status == ChunkStatus.Damaged)
        {
            LogDamaged(_logger, key, volume, Id);
        }

        return status;
    }

    /// <summary>Stops the heartbeats; the store is its owner's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _heartbeats;
        _stop.Dispose();
    }

    private async Task<NodeAdmission> RegisterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await _nodeManager.RegisterAsync(Report(), cancellationToken);
            }
            catch (BigFsException away) when (away.IsTransient)
            {
                LogNodeManagerAway(_logger, away.Message);
            }

            await Task.Delay(RegistrationPause, _time, cancellationToken);
        }
    }

    private NodeReport Report() => new()
    {
        Node = _store.Node,
        ClusterId = _store.Identity.ClusterId,
        Incarnation = _incarnation,
        CleanStart = _store.Identity.CleanStart,
        TransferEndpoint = _transferEndpoint,
        ControlEndpoint = _controlEndpoint,
        Volumes = [.. _store.Volumes],
    };

    private async Task SendHeartbeatsAsync(TimeSpan interval)
    {
        try
        {
            while (true)
            {
                await _bus.PublishAsync(
                    new DataNodeHeartbeat
                    {
                        Node = Id,
                        Incarnation = _incarnation,
                        ControlEndpoint = _controlEndpoint,
                    },
                    _stop.Token);
                await Task.Delay(interval, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    [LoggerMessage(5001, LogLevel.Information, "Datanode {Node} is registered in cluster {Cluster}")]
    private static partial void LogRegistered(ILogger logger, NodeId node, string cluster);

    [LoggerMessage(5002, LogLevel.Debug, "The node manager is away, registration is tried again: {Reason}")]
    private static partial void LogNodeManagerAway(ILogger logger, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "Chunk {Key} of volume {Volume} could not be fetched from {Source}: {Status}")]
    private static partial void LogFetchFailed(ILogger logger, ChunkKey key, VolumeId volume, NodeId source, ChunkStatus status);

    [LoggerMessage(5004, LogLevel.Error, "Chunk {Key} of volume {Volume} on datanode {Node} is damaged")]
    private static partial void LogDamaged(ILogger logger, ChunkKey key, VolumeId volume, NodeId node);
}
