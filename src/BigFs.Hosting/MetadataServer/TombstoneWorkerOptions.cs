namespace BigFs.Hosting.MetadataServer;

/// <summary>How deletions are carried out.</summary>
internal sealed record TombstoneWorkerOptions
{
    /// <summary>Most tombstones of one round; default 1,024.</summary>
    public int BatchSize { get; init; } = 1024;

    /// <summary>Wait between rounds when nothing was due; default 2 s.</summary>
    public TimeSpan IdlePause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Wait between rounds while there is more to do, which leaves room for others; default 50 ms.</summary>
    public TimeSpan BusyPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a tombstone waits that could not be carried out everywhere; default 30 s.</summary>
    public TimeSpan Postponement { get; init; } = TimeSpan.FromSeconds(30);
}
