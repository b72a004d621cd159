using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>How chunks are sent and fetched over TCP.</summary>
public sealed record TransferClientOptions
{
    /// <summary>Longest wait for a connection and its hello; default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Longest time in which nothing moves; default 30 s. A waiting frame, by which a server says that it makes headway
    /// with a buffer, a flush or the next member, is a move. There is no total time-out.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most connections kept open for reuse for each endpoint, 0 to 1,024; default 16.</summary>
    public int MaxIdleConnectionsPerEndpoint { get; init; } = 16;

    /// <summary>
    /// How long a connection is kept without use; default 60 s. Stay below the servers' idle time-out.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Most threads for large chunks, 1 to 1,024; default 64. Each moves one chunk at a time with blocking calls; further
    /// chunks wait for one.
    /// </summary>
    public int MaxThreads { get; init; } = 64;

    internal void Validate()
    {
        SettingsCheck.Between(MaxThreads, 1, 1024, nameof(MaxThreads));
        SettingsCheck.Positive(ConnectTimeout, nameof(ConnectTimeout));
        SettingsCheck.Positive(StallTimeout, nameof(StallTimeout));
        SettingsCheck.Positive(IdleTimeout, nameof(IdleTimeout));
        SettingsCheck.Between(MaxIdleConnectionsPerEndpoint, 0, 1024, nameof(MaxIdleConnectionsPerEndpoint));
    }
}
