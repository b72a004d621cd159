using Microsoft.Extensions.Logging;

namespace BigFs.Core.Messaging;

/// <summary>The event plane of one process. Events of one publisher arrive in order.</summary>
/// <param name="logger">Is told when a subscriber begins to lose events.</param>
/// <param name="capacity">Events that wait for each subscriber, 1 or more; default 1,024.</param>
public sealed class InProcessClusterBus(ILogger logger, int capacity = 1024) : IClusterBus
{
    private readonly EventFanOut _subscribers = new(logger, capacity);

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ClusterBusMetrics.Published(message.Topic);
        _subscribers.Deliver(message);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    /// <remarks>The subscription begins with the first <c>MoveNextAsync</c>.</remarks>
    public IAsyncEnumerable<ClusterEvent> SubscribeAsync(ClusterTopic topic, CancellationToken cancellationToken) =>
        _subscribers.SubscribeAsync(topic, cancellationToken);
}
