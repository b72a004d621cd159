namespace BigFs.Hosting.Check;

/// <summary>How a check is made.</summary>
internal sealed record CheckOptions
{
    /// <summary>Findings of each kind that are told one by one; all are counted. Default 100.</summary>
    public int MostOfAKind { get; init; } = 100;

    /// <summary>
    /// How long to wait for upload sessions that were open when a chunk without a name was seen; default 10 s.
    /// </summary>
    public TimeSpan SessionWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Entries of one read; default 1,000.</summary>
    public int EntriesPerPage { get; init; } = 1000;

    /// <summary>Chunks of one listing of a datanode; default 4,096.</summary>
    public int ChunksPerPage { get; init; } = 4096;
}
