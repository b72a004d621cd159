namespace BigFs.Hosting;

/// <summary>What is restored from where to where; at least one folder.</summary>
public sealed class BigFsRestoreOptions
{
    /// <summary>The backup.</summary>
    public required string File { get; init; }

    /// <summary>The metadata server's data folder, empty or not there yet; null leaves the metadata out.</summary>
    public string? MetadataDirectory { get; init; }

    /// <summary>
    /// The node manager's data folder, without a volume map; the cluster's secret may lie in it. Null leaves the map out: that
    /// of a node manager that was not lost is newer, and right.
    /// </summary>
    public string? NodeManagerDirectory { get; init; }
}

/// <summary>What was restored.</summary>
public sealed record BigFsRestored
{
    /// <summary>When the backup was taken.</summary>
    public required DateTimeOffset Taken { get; init; }

    /// <summary>The cluster; null when none had adopted the namespace.</summary>
    public required Guid? Cluster { get; init; }

    /// <summary>The generation that begins with this restore; null when the metadata were left out.</summary>
    public long? Generation { get; init; }
}
