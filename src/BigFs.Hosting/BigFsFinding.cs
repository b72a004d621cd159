using System.Collections.Immutable;

namespace BigFs.Hosting;

/// <summary>One thing that a check found.</summary>
public sealed record BigFsFinding
{
    /// <summary>What.</summary>
    public required BigFsFindingKind Kind { get; init; }

    /// <summary>The entry that it is about, as far as its path can be told; null when it is about none.</summary>
    public string? Path { get; init; }

    /// <summary>The volume; null when it is about none.</summary>
    public long? Volume { get; init; }

    /// <summary>The chunk's key, 16 hexadecimal digits; null when it is about none.</summary>
    public string? Key { get; init; }

    /// <summary>The datanode, 32 hexadecimal digits; null when it is about none.</summary>
    public string? Node { get; init; }

    /// <summary>A sentence.</summary>
    public required string Detail { get; init; }

    /// <summary>Whether something that was acknowledged is damaged or gone, wholly or at one replica.</summary>
    public bool IsDamage => IsDamageOf(Kind);

    /// <summary>Whether findings of the kind are damage.</summary>
    public static bool IsDamageOf(BigFsFindingKind kind) => kind < BigFsFindingKind.OrphanChunk;
}

/// <summary>What a check looked at and found, at its end.</summary>
public sealed record BigFsCheckSummary
{
    /// <summary>Directories looked at, the root and those out of sight included.</summary>
    public required long Directories { get; init; }

    /// <summary>Files looked at.</summary>
    public required long Files { get; init; }

    /// <summary>References to chunks in their manifests.</summary>
    public required long Chunks { get; init; }

    /// <summary>Volumes in the map.</summary>
    public required long Volumes { get; init; }

    /// <summary>Replicas that were read to their end.</summary>
    public required long Replicas { get; init; }

    /// <summary>How many findings of each kind, also those that were not told one by one.</summary>
    public required ImmutableSortedDictionary<BigFsFindingKind, long> Counts { get; init; }

    /// <summary>Whether any of them is damage.</summary>
    public bool IsDamaged => Counts.Any(count => count.Value > 0 && BigFsFinding.IsDamageOf(count.Key));
}
