namespace BigFs.Core.Messaging;

/// <summary>A file server lives, and how busy it is.</summary>
public sealed record FileServerHeartbeat : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.ServerHeartbeats;

    /// <inheritdoc/>
    public override string Key => Server;

    /// <summary>Who, as its lease at the name server says.</summary>
    public required string Server { get; init; }

    /// <summary>Where its control service listens, "host:port".</summary>
    public required string Endpoint { get; init; }

    /// <summary>Which start of its process.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Counts the heartbeats of this start from 1; one that is not higher than another seen says nothing new.</summary>
    public required long Sequence { get; init; }

    /// <summary>Whether it is about to stop: calls in hand are finished, new ones belong elsewhere.</summary>
    public required bool IsDrained { get; init; }

    /// <summary>Calls that it is carrying out.</summary>
    public required int CallsInFlight { get; init; }

    /// <summary>Calls that it has carried out, a second, since its heartbeat before.</summary>
    public required int CallsPerSecond { get; init; }

    /// <summary>Its process and machine.</summary>
    public required ProcessLoad Process { get; init; }
}
