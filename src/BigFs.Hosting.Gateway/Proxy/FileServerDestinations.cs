using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// The file servers that new calls may go to: those whose leases live at the name server, but not those that have said on the bus that
/// they are drained. The bus only takes away, and what it says of a start of a process ends with the next one's first heartbeat:
/// messages are hints, leases are the truth. Thread-safe.
/// </summary>
internal sealed class FileServerDestinations : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly WatchedInstances _leases;
    private readonly IClusterBus _bus;
    private readonly ConcurrentDictionary<string, FileServerHeartbeat> _drained = new(StringComparer.Ordinal);
    private readonly Meter _meter = new("BigFs");
    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;

    public FileServerDestinations(GatewayContext context)
    {
        _leases = new WatchedInstances(context.Names, ServiceRole.FileServer, context.Services.Time);
        _leases.Changed += TellChanged;
        _bus = context.Bus;
        _meter.CreateObservableGauge(
            "bigfs.gateway.file_servers", () => Known.Length, "{server}", "File servers that new calls may go to.");
    }

    /// <summary>Told when <see cref="Known"/> may be others now.</summary>
    public event Action? Changed;

    /// <summary>The leases, for clients that choose among file servers themselves.</summary>
    public InstanceSource Leases => _leases;

    /// <summary>Their endpoints, "host:port".</summary>
    public ImmutableArray<string> Known => [.. _leases.Known.Where(endpoint => !_drained.ContainsKey(endpoint))];

    /// <summary>Begins to follow leases and bus.</summary>
    public void Start() => _work = Task.WhenAll(FollowLeasesAsync(), FollowBusAsync());

    /// <summary>Returns when one is known.</summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<string> known = await _leases.GetAsync(Limit, patient: false, cancellationToken).ConfigureAwait(false);
        if (known.IsEmpty)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "No file server is registered at the name server.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _leases.Changed -= TellChanged;
        await _leases.DisposeAsync().ConfigureAwait(false);
        _meter.Dispose();
        _stop.Dispose();
    }

    /// <summary>The first question starts the watch; nobody waits for its answer.</summary>
    private async Task FollowLeasesAsync()
    {
        try
        {
            await _leases.GetAsync(TimeSpan.FromMinutes(1), patient: true, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception unknown) when (unknown is BigFsException or OperationCanceledException)
        {
            // The watch goes on by itself; whoever calls meanwhile is told.
        }
    }

    private async Task FollowBusAsync()
    {
        try
        {
            await foreach (ClusterEvent message in _bus.SubscribeAsync(ClusterTopic.ServerHeartbeats, _stop.Token).ConfigureAwait(false))
            {
                if (message is FileServerHeartbeat heartbeat && Take(heartbeat))
                {
                    TellChanged();
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The gateway stops.
        }
    }

    /// <summary>Takes a heartbeat in.</summary>
    /// <returns>Whether it changes anything.</returns>
    private bool Take(FileServerHeartbeat heartbeat)
    {
        bool known = _drained.TryGetValue(heartbeat.Endpoint, out FileServerHeartbeat? drained);
        if (heartbeat.IsDrained)
        {
            _drained[heartbeat.Endpoint] = heartbeat;
            return !known;
        }

        // An old message may come late; another start at the same place is news.
        return known && heartbeat.Incarnation != drained!.Incarnation && _drained.TryRemove(heartbeat.Endpoint, out _);
    }

    private void TellChanged() => Changed?.Invoke();
}
