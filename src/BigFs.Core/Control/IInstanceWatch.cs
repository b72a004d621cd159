namespace BigFs.Core.Control;

/// <summary>Following who serves a role. Thread-safe.</summary>
public interface IInstanceWatch
{
    /// <summary>
    /// The instances of a role: first all of them, then what changes. Who reads slowly gets several changes as one, and
    /// all of them anew when it fell too far behind: nothing is queued for it. Ends only by the token, or with the
    /// connection.
    /// </summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut: the connection broke; follow again.</exception>
    IAsyncEnumerable<InstanceUpdate> WatchAsync(ServiceRole role, CancellationToken cancellationToken);
}
