using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.NodeManager;

/// <summary>
/// The node manager: admits datanodes, watches whether they live, keeps the volume map, and sees to it that volumes stand
/// open ahead of need and that doubtful replicas are compared with their peers. The store belongs to the caller; the rest
/// of what runs here ends with <see cref="DisposeAsync"/>. Thread-safe.
/// </summary>
internal sealed partial class NodeManager : INodeManager, IAsyncDisposable
{
    private const int MaxVerifications = 16;

    private readonly IDataNodeDirectory _directory;
    private readonly IClusterBus _bus;
    private readonly NodeManagerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ClusterBook _book;
    private readonly NodeWatch _watch;
    private readonly VolumeKeeper _keeper;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping; // Outlives its source: callers may come after the end.
    private readonly BackgroundTasks _probes = new();
    private readonly BackgroundTasks _verifications = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, bool> _probing = [];
    private bool _isBusSilent;
    private long _started;
    private Task _loops = Task.CompletedTask;

    /// <summary>Makes a node manager; nothing runs before <see cref="StartAsync"/>.</summary>
    /// <param name="store">The volume map; owned by the caller.</param>
    /// <param name="directory">How it reaches datanodes.</param>
    /// <param name="signer">Makes the capabilities by which datanodes copy from each other.</param>
    /// <param name="bus">Heartbeats come from it, changes of the map go to it.</param>
    /// <param name="options">Settings.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public NodeManager(
        IVolumeMapStore store,
        IDataNodeDirectory directory,
        CapabilitySigner signer,
        IClusterBus bus,
        NodeManagerOptions options,
        TimeProvider time,
        ILogger logger)
    {
        options.Validate();
        (_directory, _bus, _options, _time, _logger) = (directory, bus, options, time, logger);
        _stopping = _stop.Token;
        _book = new ClusterBook(store, bus, options.DefaultReplicas);
        _watch = new NodeWatch(time);
        _keeper = new VolumeKeeper(_book, directory, signer, _watch, options, time, logger, Accuse);
    }

    /// <summary>Loads the map, begins a term, and asks every known datanode at once; does not wait for their answers.</summary>
    /// <exception cref="BigFsException">DataUnreadable, OutOfSpace, Unavailable.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _book.StartAsync(cancellationToken);
        _started = _time.GetTimestamp();
        ClusterSnapshot current = _book.Current;
        NodeManagerLog.Started(
            _logger, current.Map.ClusterId.ToString("N"), current.Term, current.Nodes.Count, current.Volumes.Count);
        foreach (NodeEntry node in current.Nodes.Values)
        {
            Tell(node.Id, NodeEvent.Silent);
        }

        _loops = Task.WhenAll(HearAsync(), WatchAsync());
    }

    /// <summary>The map now.</summary>
    public ClusterMap Map => _book.Current.Map;

    /// <inheritdoc/>
    public ValueTask<ClusterMap?> GetMapAsync(long knownVersion, CancellationToken cancellationToken)
    {
        ClusterMap map = _book.Current.Map;
        return ValueTask.FromResult(map.Version == knownVersion ? null : map);
    }

    /// <inheritdoc/>
    public async ValueTask<ClusterMap> EnsureWritableAsync(int replicas, CancellationToken cancellationToken)
    {
        if (replicas is < 1 or > Limits.MaxReplicas)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"{replicas} replicas were asked for; 1 to {Limits.MaxReplicas} are possible.");
        }

        _keeper.Want(replicas);
        while (true)
        {
            Task changed = _book.Changed;
            ClusterSnapshot current = _book.Current;
            int up = current.CountUp();

            // Who has not been asked yet is not absent: this lasts for the first moments after a start only.
            if (up + current.Nodes.Values.Count(node => node.State == NodeState.Joining) < replicas)
            {
                throw new BigFsException(
                    BigFsErrorCode.NotEnoughNodes,
                    $"{up} datanodes are up, {replicas} are needed for {replicas} replicas.");
            }

            if (current.Volumes.Values.Any(
                volume => volume.Members.Length == replicas && _keeper.IsWritable(volume, current)))
            {
                return current.Map;
            }

            VolumeRecord[] opening =
            [
                .. current.Volumes.Values.Where(
                    volume => volume.Members.Length == replicas && volume.State == VolumeState.Opening),
            ];
            if (opening.Length > 0 && opening.All(_keeper.IsWithoutRoom))
            {
                throw new BigFsException(BigFsErrorCode.OutOfSpace, "No datanode has room for a new volume.");
            }

            await WaitAsync(changed, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken)
    {
        if (!_book.Current.Nodes.TryGetValue(fault.Node, out NodeEntry? entry))
        {
            return ValueTask.CompletedTask;
        }

        NodeManagerLog.Accused(_logger, fault.Node, fault.Status);
        switch (fault.Status)
        {
            case ChunkStatus.Ok or ChunkStatus.Malformed or ChunkStatus.ChunkDeleted:
                break; // No fault of the replica.
            case ChunkStatus.Damaged when fault.Key is { } key:
                if (_verifications.Count < MaxVerifications)
                {
                    _verifications.Start(() => VerifyAsync(entry, fault.Volume, key));
                }

                break;
            case ChunkStatus.VolumeFull:
                _keeper.HintFull(fault.Volume);
                Accuse(fault.Node);
                break;
            default:
                Accuse(fault.Node);
                break;
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Ends the loops and the jobs; what they were doing is taken up again at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        await _probes.EndAsync();
        await _verifications.EndAsync();
        await _keeper.DisposeAsync();
        await _book.EndAsync();
        _stop.Dispose();
    }

    /// <summary>
    /// Waits for a change of the map, but not beyond the end of this node manager, and no longer than an interval: that a
    /// disk is full changes no map.
    /// </summary>
    private async Task WaitAsync(Task changed, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping);
        try
        {
            await changed.WaitAsync(_options.HeartbeatInterval, _time, either.Token);
        }
        catch (TimeoutException)
        {
            // The caller looks again.
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager is stopping.");
        }
    }

    private async Task VerifyAsync(NodeEntry node, VolumeId volume, ChunkKey key)
    {
        try
        {
            ChunkStatus status = await _directory.Get(node.ToClusterNode()).VerifyAsync(volume, key, _stopping);
            if (status == ChunkStatus.Damaged)
            {
                NodeManagerLog.DamageConfirmed(_logger, key, volume, node.Id);
            }
            else
            {
                NodeManagerLog.DamageNotConfirmed(_logger, key, volume, node.Id, status);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (Exception exception)
        {
            NodeManagerLog.ProbeError(_logger, node.Id, exception);
        }
    }
}
