namespace BigFs.Core.Messaging;

/// <summary>
/// The event plane. Messages are hints: idempotent, versioned, may be lost, doubled or reordered; every consumer can
/// rebuild its view by asking the owner. Publishing never blocks on consumers and never fails an operation. Thread-safe.
/// </summary>
public interface IClusterBus
{
    /// <summary>Publishes an event; returns when it is handed over, not when it is delivered. Never throws for a bus away.</summary>
    ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken);

    /// <summary>
    /// The events of a topic from now on. A slow consumer loses the oldest ones; a bus that was away resumes by itself.
    /// Ends only by the token.
    /// </summary>
    IAsyncEnumerable<ClusterEvent> SubscribeAsync(ClusterTopic topic, CancellationToken cancellationToken);
}
