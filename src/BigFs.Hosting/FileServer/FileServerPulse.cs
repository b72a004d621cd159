using System.Security.Cryptography;
using BigFs.Core.Messaging;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.Grpc;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// A file server's signs of life on the bus, for those who choose among file servers. Disposing it tells them that it is
/// drained: dispose it before the listener, so that new calls go elsewhere while those in hand are finished.
/// </summary>
internal sealed class FileServerPulse : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(0.5);

    private readonly IClusterBus _bus;
    private readonly string _server;
    private readonly string _endpoint;
    private readonly CallMeter _calls;
    private readonly TimeProvider _time;
    private readonly ProcessMeter _process;
    private readonly RateMeter _rate;
    private readonly CancellationTokenSource _stop = new();
    private readonly long _incarnation = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue;
    private long _sequence;
    private Task _loop = Task.CompletedTask;
    private bool _disposed;

    /// <summary>Makes one; nothing is sent before the start.</summary>
    /// <param name="bus">Where it is sent.</param>
    /// <param name="server">The file server, as its lease names it.</param>
    /// <param name="endpoint">Where it listens, "host:port".</param>
    /// <param name="calls">Counts its calls.</param>
    /// <param name="time">Clock.</param>
    public FileServerPulse(IClusterBus bus, string server, string endpoint, CallMeter calls, TimeProvider time)
    {
        (_bus, _server, _endpoint, _calls, _time) = (bus, server, endpoint, calls, time);
        (_process, _rate) = (new ProcessMeter(time), new RateMeter(time));
    }

    /// <summary>Begins to send.</summary>
    public void Start() => _loop = SendAsync();

    /// <summary>Says for the last time that it is there, and that it is drained.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stop.CancelAsync();
        await _loop;
        await _bus.PublishAsync(Measure(isDrained: true), CancellationToken.None);
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await _bus.PublishAsync(Measure(isDrained: false), CancellationToken.None);
            await Task.Delay(Period, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private FileServerHeartbeat Measure(bool isDrained) => new()
    {
        Server = _server,
        Endpoint = _endpoint,
        Incarnation = _incarnation,
        Sequence = ++_sequence,
        IsDrained = isDrained,
        CallsInFlight = _calls.InFlight,
        CallsPerSecond = (int)_rate.PerSecond(_calls.Completed),
        Process = _process.Measure(),
    };
}
