using System.Collections.Immutable;

namespace BigFs.Core.Messaging;

/// <summary>
/// What stood at these paths was replaced, moved or deleted: caches forget it. Not needed for reads that are validated, which
/// all are by default; it keeps reads that may be stale from being more so than they must.
/// </summary>
public sealed record MetadataInvalidated : ClusterEvent
{
    /// <summary>Most paths of one event, of both kinds together: 4,096.</summary>
    public const int MaxPaths = 4096;

    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.MetadataInvalidations;

    /// <summary>Entries that changed.</summary>
    public ImmutableArray<BigFsPath> Paths { get; init; } = [];

    /// <summary>Entries that changed with everything beneath them.</summary>
    public ImmutableArray<BigFsPath> Trees { get; init; } = [];

    /// <summary>Whether it names the same paths in the same order.</summary>
    public bool Equals(MetadataInvalidated? other) =>
        other is not null && Paths.SequenceEqual(other.Paths) && Trees.SequenceEqual(other.Trees);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Paths.Length, Trees.Length, Paths.FirstOrDefault(), Trees.FirstOrDefault());
}
