using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Messaging;

/// <summary>
/// Hands events to the subscribers of this process: a bounded queue for each, which loses its oldest event when it is full.
/// Thread-safe.
/// </summary>
public sealed partial class EventFanOut
{
    private readonly ILogger _logger;
    private readonly int _capacity;
    private readonly Lock _gate = new();
    private ImmutableArray<Subscription> _subscriptions = [];

    /// <summary>Makes one without subscribers.</summary>
    /// <param name="logger">Is told when a subscriber begins to lose events.</param>
    /// <param name="capacity">Events that wait for each subscriber, 1 or more; default 1,024.</param>
    public EventFanOut(ILogger logger, int capacity = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _logger = logger;
        _capacity = capacity;
    }

    /// <summary>Hands an event to the subscribers of its topic; never waits.</summary>
    public void Deliver(ClusterEvent message)
    {
        ImmutableArray<Subscription> subscriptions;
        lock (_gate)
        {
            subscriptions = _subscriptions;
        }

        foreach (Subscription subscription in subscriptions)
        {
            if (subscription.Topic == message.Topic)
            {
                // Never refused: the queue drops its oldest and is never completed.
                subscription.Queue.Writer.TryWrite(message);
            }
        }
    }

    /// <summary>The events of a topic from the first <c>MoveNextAsync</c> on; ends by the token.</summary>
    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool isLosing = false;
        var queue = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(_capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            lost =>
            {
                ClusterBusMetrics.Lost(lost.Topic);
                if (!Interlocked.Exchange(ref isLosing, true))
                {
                    LogLoss(topic);
                }
            });
        var subscription = new Subscription(topic, queue);
        lock (_gate)
        {
            _subscriptions = _subscriptions.Add(subscription);
        }

        try
        {
            while (true)
            {
                ClusterEvent message = await queue.Reader.ReadAsync(cancellationToken);
                if (queue.Reader.Count == 0)
                {
                    // Caught up: the next loss is another one, and worth another word.
                    Volatile.Write(ref isLosing, false);
                }

                ClusterBusMetrics.Received(topic);
                yield return message;
            }
        }
        finally
        {
            lock (_gate)
            {
                _subscriptions = _subscriptions.Remove(subscription);
            }
        }
    }

    [LoggerMessage(EventId = 1140, EventName = "ClusterBusLoss", Level = LogLevel.Warning,
        Message = "A subscriber of {Topic} is too slow and loses the oldest events")]
    private partial void LogLoss(ClusterTopic topic);

    private sealed record Subscription(ClusterTopic Topic, Channel<ClusterEvent> Queue);
}
