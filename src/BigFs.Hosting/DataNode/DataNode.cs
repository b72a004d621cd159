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
    private readonly IReplicaTransport _peers;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _incarnation;
    private readonly CancellationTokenSource _stop = new();
    private readonly Scrubber _scrubber;
    private string _transferEndpoint = "";
    private string _controlEndpoint = "";
    private Task _heartbeats = Task.CompletedTask;
    private Task _scrub = Task.CompletedTask;

    /// <summary>Makes a datanode.</summary>
    /// <param name="store">Its volumes; owned by the caller.</param>
    /// <param name="nodeManager">Whom it registers with.</param>
    /// <param name="bus">Where its heartbeats go.</param>
    /// <param name="peers">How it copies from other datanodes.</param>
    /// <param name="incarnation">A random number of this start.</param>
    /// <param name="scrub">How it rereads what it stores.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    public DataNode(
        VolumeStore store,
        INodeManager nodeManager,
        IClusterBus bus,
        IReplicaTransport peers,
        long incarnation,
        ScrubOptions scrub,
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
        _scrubber = new Scrubber(store, scrub, time, logger, ReportDamageAsync);
    }

    /// <summary>Its identity.</summary>
    public NodeId Id => _store.Node;

    /// <summary>How far the rereading of its chunks is.</summary>
    public ScrubProgress ScrubProgress => _scrubber.Progress;

    /// <summary>
    /// Registers, waiting while the node manager is away, and starts to send heartbeats and to reread its chunks.
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
        _scrub = ScrubAsync();
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
    public ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken) => _store.DigestAsync(volume, cancellationToken);

    /// <summary>
    /// Copies the chunks in one stream and adopts each as it comes, so that one flush serves many; at most as many are under
    /// way as there are buffers.
    /// </summary>
    public async ValueTask<ChunkStatus> FetchAsync(
        VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
    {
        if (chunks.Length > VolumePage.MaxKeys || chunks.DistinctBy(chunk => chunk.Key).Count() != chunks.Length)
        {
            return ChunkStatus.Malformed;
        }

        var wanted = chunks.ToDictionary(chunk => chunk.Key);
        var adoptions = new List<Task<ChunkStatus>>(chunks.Length);
        var page = new VolumePage
        {
            Source = source.Node,
            Volume = order.Volume,
            Capability = source.Capability,
            Keys = [.. chunks.Select(chunk => chunk.Key).Order()],
            MaxBytes = uint.MaxValue,
        };
        ChunkStatus status = ChunkStatus.Ok;
        if (!chunks.IsEmpty)
        {
            try
            {
                VolumePageResult copied = await _peers.CopyAsync(page, _store.Buffers, Take, cancellationToken);
                status = copied.Status;
            }
            finally
            {
                // What was begun is waited for, however the copying ended.
                ChunkStatus[] adopted = await Task.WhenAll(adoptions);
                status = adopted.Append(status).FirstOrDefault(one => one != ChunkStatus.Ok);
            }
        }

        if (status != ChunkStatus.Ok)
        {
            LogFetchFailed(_logger, chunks.Length, order.Volume, source.Node.Id, status);
        }

        return status;

        bool Take(StoredChunkInfo chunk, ChunkBuffer? buffer)
        {
            // Other bytes than the node manager was told of are none of those that it wants.
            if (buffer is not null && wanted[chunk.Key] == chunk)
            {
                adoptions.Add(_store.AdoptAsync(order, chunk, buffer, cancellationToken).AsTask());
                return true;
            }

            buffer?.Dispose();
            adoptions.Add(Task.FromResult(ChunkStatus.Damaged));
            return true;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken) =>
        _store.DeleteAsync(volume, keys, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken) =>
        _store.DeleteAsync(volume, keys, generation, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken) =>
        _store.AcceptGenerationAsync(generation, cancellationToken);

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

    /// <summary>Stops the heartbeats and the scrub; the store is its owner's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _heartbeats;
        await _scrub;
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

    private async Task ScrubAsync()
    {
        try
        {
            await _scrubber.RunAsync(_stop.Token);
        }
        catch (Exception exception)
        {
            // The last door of the loop: the node serves on, and says that it no longer rereads.
            LogScrubEnded(_logger, Id, exception);
        }
    }

    /// <summary>Tells the node manager of its own bad chunk, as a reader would.</summary>
    private async ValueTask ReportDamageAsync(
        VolumeId volume, ChunkKey key, ChunkStatus status, CancellationToken cancellationToken)
    {
        try
        {
            await _nodeManager.ReportAsync(new ReplicaFault(volume, key, Id, status), cancellationToken);
        }
        catch (BigFsException away)
        {
            LogReportFailed(_logger, key, volume, away.Message);
        }
    }

    /// <summary>A sign of life is worth more than its figures: without them when they cannot be had.</summary>
    private async ValueTask<DataNodeLoad?> MeasureAsync(DataNodeMeter meter)
    {
        try
        {
            return await meter.MeasureAsync();
        }
        catch (Exception unknown)
        {
            LogNotMeasured(_logger, Id, unknown.Message);
            return null;
        }
    }

    private async Task SendHeartbeatsAsync(TimeSpan interval)
    {
        var meter = new DataNodeMeter(_store, _time);
        try
        {
            for (long sequence = 1; ; sequence++)
            {
                DataNodeLoad? load = await MeasureAsync(meter);
                await _bus.PublishAsync(
                    new DataNodeHeartbeat
                    {
                        Node = Id,
                        Incarnation = _incarnation,
                        Sequence = sequence,
                        ControlEndpoint = _controlEndpoint,
                        Load = load,
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

    [LoggerMessage(5003, LogLevel.Warning, "Not all of {Chunks} chunks of volume {Volume} could be fetched from {Source}: {Status}")]
    private static partial void LogFetchFailed(ILogger logger, int chunks, VolumeId volume, NodeId source, ChunkStatus status);

    [LoggerMessage(5004, LogLevel.Error, "Chunk {Key} of volume {Volume} on datanode {Node} is damaged")]
    private static partial void LogDamaged(ILogger logger, ChunkKey key, VolumeId volume, NodeId node);

    [LoggerMessage(5005, LogLevel.Error, "Datanode {Node} does not reread its chunks any more")]
    private static partial void LogScrubEnded(ILogger logger, NodeId node, Exception exception);

    [LoggerMessage(5007, LogLevel.Debug, "Datanode {Node} could not measure its load: {Reason}")]
    private static partial void LogNotMeasured(ILogger logger, NodeId node, string reason);

    [LoggerMessage(5006, LogLevel.Warning,
        "The node manager was not told that chunk {Key} of volume {Volume} is bad; the next pass tells it: {Reason}")]
    private static partial void LogReportFailed(ILogger logger, ChunkKey key, VolumeId volume, string reason);
}
