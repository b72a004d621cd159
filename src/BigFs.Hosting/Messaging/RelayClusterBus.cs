using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BigFs.Core.Messaging;
using BigFs.Internal.Grpc;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using ClusterBusClient = BigFs.Protocol.ClusterBus.ClusterBusClient;

namespace BigFs.Hosting.Messaging;

/// <summary>
/// The event plane through the relay at the name server. Publishing only queues: while the relay is away the oldest
/// events are lost. Publisher and subscriptions connect again by themselves.
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
    private bool _isLosing;
    private bool _disposed;

    /// <summary>Makes a client of the relay at "host:port" and starts its pump; the channels stay the caller's.</summary>
    public RelayClusterBus(string endpoint, ChannelCache channels, TimeProvider clock, ILogger<RelayClusterBus> logger)
    {
        _endpoint = endpoint;
        _channels = channels;
        _clock = clock;
        _logger = logger;
        SetAside = new SetAsideMessages(clock, logger);
        _outgoing = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(QueueCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            NoteLoss);
        _pump = PumpAsync(_stop.Token);
    }

    /// <summary>What came and is not known here.</summary>
    public SetAsideMessages SetAside { get; }

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);

        // Never refused: the queue drops its oldest and is never completed.
        ClusterBusMetrics.Published(message.Topic);
        _outgoing.Writer.TryWrite(message);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        int failures = 0;
        while (!end.IsCancellationRequested)
        {
            using AsyncServerStreamingCall<Protocol.BusMessage> call = Client().Subscribe(
                new Protocol.SubscribeRequest { Topic = (int)topic }, cancellationToken: end.Token);
            while (await NextAsync(call.ResponseStream, end.Token) is { } message)
            {
                failures = 0;
                if (message.FromProto(out SetAsideReason reason) is { } known)
                {
                    ClusterBusMetrics.Received(topic);
                    yield return known;
                }
                else
                {
                    SetAside.Add(topic, _endpoint, reason, message.ToByteArray());
                }
            }

            await PauseAsync(failures++, end.Token);
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

    /// <summary>Waits before another try; ends early, and silently, by the token.</summary>
    private async Task PauseAsync(int earlierFailures, CancellationToken cancellationToken) =>
        await Task.Delay(Backoff.Pause(earlierFailures, FirstPause, LongestPause), _clock, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void NoteLoss(ClusterEvent lost)
    {
        ClusterBusMetrics.Lost(lost.Topic);
        if (!Interlocked.Exchange(ref _isLosing, true))
        {
            LogLoss(_endpoint);
        }
    }

    /// <summary>The next event to send.</summary>
    private async ValueTask<ClusterEvent> NextOutgoingAsync(CancellationToken cancellationToken)
    {
        ClusterEvent message = await _outgoing.Reader.ReadAsync(cancellationToken);
        if (_outgoing.Reader.Count == 0)
        {
            // Caught up: the next loss is another one, and worth another word.
            Volatile.Write(ref _isLosing, false);
        }

        return message;
    }

    private ClusterBusClient Client() => new(_channels.Get(_endpoint));

    /// <summary>The next message; null when the stream has ended or broken.</summary>
    private async ValueTask<Protocol.BusMessage?> NextAsync(
        IAsyncStreamReader<Protocol.BusMessage> stream, CancellationToken end)
    {
        try
        {
            return await stream.MoveNext(end) ? stream.Current : null;
        }
        catch (Exception error)
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
        int failures = 0;
        ClusterEvent? unsent = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                // Nothing is sent before there is something to send.
                unsent ??= await NextOutgoingAsync(cancellationToken);
                using AsyncClientStreamingCall<Protocol.BusMessage, Protocol.Empty> call =
                    Client().Publish(cancellationToken: cancellationToken);
                while (true)
                {
                    await call.RequestStream.WriteAsync(unsent.ToProto(), cancellationToken);
                    failures = 0;
                    unsent = null;
                    unsent = await NextOutgoingAsync(cancellationToken);
                }
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // A write on a stream that breaks throws what broke it, an HTTP/2 error as much as an RpcException: whatever
                // it is, the events go on when the relay is back.
                LogAway(_endpoint, error);
                await PauseAsync(failures++, cancellationToken);
            }
        }
    }

    [LoggerMessage(EventId = 1130, EventName = "ClusterBusAway", Level = LogLevel.Debug,
        Message = "The cluster bus at {Endpoint} is away; trying on")]
    private partial void LogAway(string endpoint, Exception error);

    [LoggerMessage(EventId = 1131, EventName = "ClusterBusPublisherLoss", Level = LogLevel.Warning,
        Message = "The cluster bus at {Endpoint} is away or slow: the oldest events are lost")]
    private partial void LogLoss(string endpoint);
}
