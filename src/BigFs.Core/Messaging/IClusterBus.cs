using BigFs.Core.Model;

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

/// <summary>The topics in use; the relay's protocol carries their numbers.</summary>
public enum ClusterTopic
{
    /// <summary>Signs of life of the datanodes: <see cref="DataNodeHeartbeat"/>.</summary>
    DataNodeHeartbeats = 1,

    /// <summary>New versions of the cluster map: <see cref="ClusterMapChanged"/>.</summary>
    ClusterUpdates = 2,
}

/// <summary>An event on the bus.</summary>
public abstract record ClusterEvent
{
    /// <summary>Where it is published.</summary>
    public abstract ClusterTopic Topic { get; }
}

/// <summary>A datanode lives.</summary>
public sealed record DataNodeHeartbeat : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.DataNodeHeartbeats;

    /// <summary>Who.</summary>
    public required NodeId Node { get; init; }

    /// <summary>Which start of its process.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Where its control service listens; empty in process.</summary>
    public required string ControlEndpoint { get; init; }
}

/// <summary>The cluster map has a new version; who needs it asks the node manager.</summary>
public sealed record ClusterMapChanged : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.ClusterUpdates;

    /// <summary>The version.</summary>
    public required long Version { get; init; }
}
