namespace BigFs.Core.Metadata;

/// <summary>Which namespace a database holds, of which cluster, and how often it was brought back from a backup.</summary>
public interface IMetadataIdentity
{
    /// <summary>
    /// How far incarnations jump when a generation is raised: more than file servers ever start between a backup and its
    /// restore, so that none is given a second time.
    /// </summary>
    const int IncarnationsPerRestore = 1 << 16;

    /// <summary>What the database says of itself now.</summary>
    ValueTask<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken);

    /// <summary>Binds the namespace to a cluster, durably and for good; the same one again is fine.</summary>
    /// <exception cref="BigFsException">WrongCluster: it belongs to another one.</exception>
    ValueTask AdoptClusterIdAsync(Guid clusterId, CancellationToken cancellationToken);

    /// <summary>
    /// What has to follow every restore, in one transaction: the generation grows by one, incarnations jump by
    /// <see cref="IncarnationsPerRestore"/>, and collection is paused until <see cref="ResumeCollectionAsync"/>.
    /// </summary>
    /// <exception cref="BigFsException">LimitExceeded: there are not enough incarnations left.</exception>
    ValueTask<NamespaceIdentity> RaiseGenerationAsync(CancellationToken cancellationToken);

    /// <summary>Lets deletions be carried out again.</summary>
    /// <param name="generation">The generation whose pause ends; one that is over is refused.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BigFsException">PreconditionFailed: another generation has begun.</exception>
    ValueTask<NamespaceIdentity> ResumeCollectionAsync(long generation, CancellationToken cancellationToken);
}

/// <summary>What a namespace's database says of itself.</summary>
public sealed record NamespaceIdentity
{
    /// <summary>Made at random with the database; a copy has the same.</summary>
    public required Guid Namespace { get; init; }

    /// <summary>The cluster that adopted it; null before.</summary>
    public required Guid? Cluster { get; init; }

    /// <summary>1, and one more after each restore.</summary>
    public required long Generation { get; init; }

    /// <summary>Whether deletions wait for an operator's word.</summary>
    public required bool IsCollectionPaused { get; init; }
}
