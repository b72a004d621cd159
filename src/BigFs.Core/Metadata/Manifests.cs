using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>Which references of a version.</summary>
public sealed record ManifestRequest
{
    /// <summary>The version.</summary>
    public required BigFsVersion Version { get; init; }

    /// <summary>The first one's place in the file, 0 or more; past the end gives none.</summary>
    public required int First { get; init; }

    /// <summary>Most references, 1 to <see cref="Limits.ManifestPageChunks"/>.</summary>
    public int Count { get; init; } = Limits.ManifestPageChunks;
}

/// <summary>References of a version, from the asked place on.</summary>
/// <param name="Chunks">The references; fewer than asked for only at the end.</param>
/// <param name="Total">How many the whole manifest has.</param>
public sealed record ManifestPage(ImmutableArray<ChunkReference> Chunks, int Total)
{
    /// <summary>How long the version stays readable from now at least; 0 when it was replaced or deleted: then renew.</summary>
    public TimeSpan Lease { get; init; }
}

/// <summary>A part of a long manifest, before its commit.</summary>
public sealed record StageChunksRequest
{
    /// <summary>The upload's session.</summary>
    public required Guid Session { get; init; }

    /// <summary>The first one's place in the file: a multiple of <see cref="Limits.ManifestPageChunks"/>.</summary>
    public required int First { get; init; }

    /// <summary>Exactly <see cref="Limits.ManifestPageChunks"/> references.</summary>
    public required ImmutableArray<ChunkReference> Chunks { get; init; }
}

/// <summary>Who owns a chunk.</summary>
/// <param name="Chunk">The chunk.</param>
/// <param name="IsDeleted">Whether its deletion is recorded: then nobody owns it, nor can.</param>
/// <param name="Owners">The versions that name it, also those replaced or deleted whose read lease has not ended.</param>
public sealed record ChunkOwners(ChunkKey Chunk, bool IsDeleted, ImmutableArray<ChunkOwner> Owners);

/// <summary>A version that names a chunk.</summary>
/// <param name="Version">The version.</param>
/// <param name="Path">Where it stands; null when it was replaced or deleted, or is not committed yet.</param>
public readonly record struct ChunkOwner(BigFsVersion Version, BigFsPath? Path);
