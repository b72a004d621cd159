using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using ClusterBusClient = BigFs.Protocol.ClusterBus.ClusterBusClient;

namespace BigFs.Hosting.Messaging;

/// <summary>
/// The event plane through the relay at the name server. Publishing only queues: while the relay is away the oldest
/// events are lost, and counted. Publisher and subscriptions connect again by themselves.
/// </summary>
internal sealed partial class RelayClusterBus : IClusterBus, IAsyncDisposable
{
    private const int QueueCapacity = 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly Channel<ClusterEvent> _outgoing;
    private readonly CancellationTokenSource _stop = new();
    private readonly string _endpoint;
    private readonly ChannelCache _channels;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Task _pump;
    private long _dropped;
    private long _skipped;
    private bool _disposed;

    /// <summary>Makes a client of the relay at "host:port" and starts its pump; the channels stay the caller's.</summary>
    public RelayClusterBus(string endpoint, ChannelCache channels, TimeProvider clock, ILogger<RelayClusterBus> logger)
    {
        _endpoint = endpoint;
        _channels = channels;
        _clock = clock;
        _logger = logger;
        _outgoing = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(QueueCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _dropped));
        _pump = PumpAsync(_stop.Token);
    }

    /// <summary>Events lost before they were sent, because the relay was away or slow.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Messages received whose version or kind is not known here.</summary>
    public long Skipped => Interlocked.Read(ref _skipped);

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (!_outgoing.Writer.TryWrite(message))
        {
            Interlocked.Increment(ref _dropped);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        TimeSpan pause = FirstPause;
        while (!end.IsCancellationRequested)
        {
            using AsyncServerStreamingCall<Protocol.BusMessage> call = Client().Subscribe(
                new Protocol.SubscribeRequest { Topic = (int)topic }, cancellationToken: end.Token);
            while (await NextAsync(call.ResponseStream, end.Token) is { } message)
            {
                pause = FirstPause;
                if (message.FromProto() is { } known)
                {
                    yield return known;
                }
                else
                {
                    Interlocked.Increment(ref _skipped);
                }
            }

            await Task.Delay(pause, _clock, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = Longer(pause);
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Stops publishing; events still queued are lost. Open subscriptions end.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stop.CancelAsync();
        await _pump;
        _stop.Dispose();
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;

    private ClusterBusClient Client() => new(_channels.Get(_endpoint));

    /// <summary>The next message; null when the stream has ended or broken.</summary>
    private async ValueTask<Protocol.BusMessage?> NextAsync(
        IAsyncStreamReader<Protocol.BusMessage> stream, CancellationToken end)
    {
        try
        {
            return await stream.MoveNext(end) ? stream.Current : null;
        }
        catch (Exception error) when (error is RpcException or OperationCanceledException)
        {
            if (!end.IsCancellationRequested)
            {
                LogAway(_endpoint, error);
            }

            return null;
        }
    }

    private async Task PumpAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = FirstPause;
        ClusterEvent? unsent = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                // Nothing is sent before there is something to send.
                unsent ??= await _outgoing.Reader.ReadAsync(cancellationToken);
                using AsyncClientStreamingCall<Protocol.BusMessage, Protocol.Empty> call =
                    Client().Publish(cancellationToken: cancellationToken);
                while (true)
                {
                    await call.RequestStream.WriteAsync(unsent.ToProto(), cancellationToken);
                    pause = FirstPause;
                    unsent = null;
                    unsent = await _outgoing.Reader.ReadAsync(cancellationToken);
                }
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is RpcException or InvalidOperationException or OperationCanceledException)
            {
                LogAway(_endpoint, error);
                await Task.Delay(pause, _clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = Longer(pause);
            }
        }
    }

    [LoggerMessage(EventId = 1130, EventName = "ClusterBusAway", Level = LogLevel.Debug,
        Message = "The cluster bus at {Endpoint} is away; trying on")]
    private partial void LogAway(string endpoint, Exception error);
}
