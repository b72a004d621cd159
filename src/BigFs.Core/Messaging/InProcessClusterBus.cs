using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace BigFs.Core.Messaging;

/// <summary>
/// The event plane of one process: a bounded queue per subscriber, which loses its oldest event when it is full. Events
/// of one publisher arrive in order.
/// </summary>
public sealed class InProcessClusterBus : IClusterBus
{
    private readonly int _capacity;
    private readonly Lock _gate = new();
    private ImmutableArray<Subscription> _subscriptions = [];
    private long _dropped;

    /// <summary>Makes a bus.</summary>
    /// <param name="capacity">Events that wait for each subscriber, 1 or more; default 1,024.</param>
    public InProcessClusterBus(int capacity = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
    }

    /// <summary>Events that slow subscribers lost so far.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
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
        var queue = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(_capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _dropped));
        var subscription = new Subscription(topic, queue);
        lock (_gate)
        {
            _subscriptions = _subscriptions.Add(subscription);
        }

        try
        {
            while (true)
            {
                yield return await queue.Reader.ReadAsync(cancellationToken);
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

    private sealed record Subscription(ClusterTopic Topic, Channel<ClusterEvent> Queue);
}
