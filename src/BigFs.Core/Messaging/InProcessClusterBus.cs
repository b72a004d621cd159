using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Messaging;

/// <summary>
/// The event plane of one process: a bounded queue per subscriber, which loses its oldest event when it is full. Events
/// of one publisher arrive in order.
/// </summary>
public sealed partial class InProcessClusterBus : IClusterBus
{
    private readonly ILogger _logger;
    private readonly int _capacity;
    private readonly Lock _gate = new();
    private ImmutableArray<Subscription> _subscriptions = [];

    /// <summary>Makes a bus.</summary>
    /// <param name="logger">Is told when a subscriber begins to lose events.</param>
    /// <param name="capacity">Events that wait for each subscriber, 1 or more; default 1,024.</param>
    public InProcessClusterBus(ILogger logger, int capacity = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _logger = logger;
        _capacity = capacity;
    }

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ClusterBusMetrics.Published(message.Topic);
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

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    /// <remarks>The subscription begins with the first <c>MoveNextAsync</c>.</remarks>
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
