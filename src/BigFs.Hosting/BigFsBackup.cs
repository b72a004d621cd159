namespace BigFs.Hosting;

/// <summary>A backup that was taken.</summary>
public sealed record BigFsBackup
{
    /// <summary>The file.</summary>
    public required string File { get; init; }

    /// <summary>When it was begun: it holds everything that was acknowledged before.</summary>
    public required DateTimeOffset Taken { get; init; }

    /// <summary>The cluster; null when none has adopted the namespace yet.</summary>
    public required Guid? Cluster { get; init; }

    /// <summary>The namespace's generation.</summary>
    public required long Generation { get; init; }

    /// <summary>Bytes of the databases in it.</summary>
    public required long Bytes { get; init; }
}

/// <summary>Whether deletions are carried out.</summary>
public sealed record BigFsCollection
{
    /// <summary>The namespace's generation: 1, and one more after each restore.</summary>
    public required long Generation { get; init; }

    /// <summary>Whether they wait for an operator's word after a restore.</summary>
    public required bool IsPaused { get; init; }
}
