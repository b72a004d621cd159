using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// A file server's view of the cluster map: the node manager's whole map at first, then the changes that the bus brings; asked for
/// anew when a change is missing, every so often in case the bus says nothing, and whenever a caller must know for sure. Never older than a failed look-up allows. Thread-safe.
/// </summary>
internal sealed partial class ClusterMapView : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly INodeManager _nodeManager;
    private readonly IClusterBus _bus;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private volatile ClusterMap? _map;
    private Task _loops = Task.CompletedTask;

    public ClusterMapView(INodeManager nodeManager, IClusterBus bus, TimeProvider time, ILogger logger)
    {
        _nodeManager = nodeManager;
        _bus = bus;
        _time = time;
        _logger = logger;
    }

    public void Start() => _loops = Task.WhenAll(FollowBusAsync(), PollAsync());

    /// <summary>The map as last seen; asked for when there is none yet.</summary>
    public async ValueTask<ClusterMap> GetAsync(CancellationToken cancellationToken) =>
        _map ?? await RefreshAsync(cancellationToken);

    /// <summary>The node manager's map of now.</summary>
    public async ValueTask<ClusterMap> RefreshAsync(CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken);
        try
        {
            ClusterMap? newer = await _nodeManager.GetMapAsync(_map?.Version ?? -1, cancellationToken);
            return newer is null ? _map! : Offer(newer);
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>Takes over a map that came with another answer, unless a newer one is known.</summary>
    public ClusterMap Offer(ClusterMap map)
    {
        ClusterMap? known = _map;
        while (known is null || known.Version < map.Version)
        {
            ClusterMap? before = Interlocked.CompareExchange(ref _map, map, known);
            if (ReferenceEquals(before, known))
            {
                return map;
            }

            known = before;
        }

        return known;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        _stop.Dispose();
        _refreshing.Dispose();
    }

    private async Task FollowBusAsync()
    {
        try
        {
            await foreach (ClusterEvent message in _bus.SubscribeAsync(ClusterTopic.ClusterUpdates, _stop.Token))
            {
                if (message is ClusterMapChanged changed && !Follows(changed))
                {
                    await TryRefreshAsync();
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>
    /// Whether the map is as new as the event says, by its delta if need be. Events that were lost, doubled or came in another
    /// order do not follow what is known, and those of another cluster never.
    /// </summary>
    private bool Follows(ClusterMapChanged changed)
    {
        ClusterMap? known = _map;
        if (changed.Delta is { } delta && known is not null && delta.ApplyTo(known) is { } next)
        {
            Offer(next);
        }

        return _map is { } map && (map.Version >= changed.Version || changed.Delta?.ClusterId is { } cluster && cluster != map.ClusterId);
    }

    private async Task PollAsync()
    {
        try
        {
            while (true)
            {
                await TryRefreshAsync();
                await Task.Delay(Period, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task TryRefreshAsync()
    {
        try
        {
            await RefreshAsync(_stop.Token);
        }
        catch (BigFsException away)
        {
            LogNodeManagerAway(_logger, away.Message);
        }
    }

    [LoggerMessage(4001, LogLevel.Debug, "The cluster map could not be refreshed: {Reason}")]
    private static partial void LogNodeManagerAway(ILogger logger, string reason);
}
