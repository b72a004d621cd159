using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The rows of a namespace as they are, for who looks for damage: nothing is resolved, hidden or repaired. Each call reads
/// one state of the database, and a page at most; what changes between two calls is the caller's to look at again.
/// Thread-safe.
/// </summary>
public interface IMetadataInspection
{
    /// <summary>
    /// Entries in the order of their directory's id and name, after a place; also those that are out of sight and still have to
    /// go. The root comes first: it stands in no directory.
    /// </summary>
    /// <param name="after">Where to go on; default for the beginning.</param>
    /// <param name="limit">At most so many, 1 or more.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<ImmutableArray<InspectedEntry>> InspectEntriesAsync(
        InspectedPlace after, int limit, CancellationToken cancellationToken);

    /// <summary>The entry at a place; null when there is none now.</summary>
    ValueTask<InspectedEntry?> InspectEntryAsync(InspectedPlace place, CancellationToken cancellationToken);

    /// <summary>The entry of a directory, by its id; null when there is none now.</summary>
    ValueTask<InspectedEntry?> InspectDirectoryAsync(long id, CancellationToken cancellationToken);

    /// <summary>References of a file's manifest, from the first wanted on; empty behind the last.</summary>
    /// <param name="version">The file's version.</param>
    /// <param name="first">Index of the first reference wanted.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    ValueTask<ImmutableArray<ChunkReference>> InspectManifestAsync(
        BigFsVersion version, int first, CancellationToken cancellationToken);

    /// <summary>
    /// Rows of the index of owners after one, in the order of the engine: by key as a signed number, then by version. The
    /// version 0 stands for a recorded deletion.
    /// </summary>
    /// <param name="after">Where to go on; null for the beginning.</param>
    /// <param name="limit">At most so many, 1 or more.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<ImmutableArray<InspectedOwner>> InspectOwnersAsync(
        InspectedOwner? after, int limit, CancellationToken cancellationToken);

    /// <summary>Where a version that has chunks is now.</summary>
    ValueTask<InspectedVersion> InspectVersionAsync(BigFsVersion version, CancellationToken cancellationToken);

    /// <summary>Ids of directories that are out of sight and whose entries still have to go, ascending.</summary>
    ValueTask<ImmutableArray<long>> InspectDeadDirectoriesAsync(long after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Upload sessions that were begun before a moment of the database's clock and are open now, so that chunks written until
    /// then may still get a name; and the database's time.
    /// </summary>
    /// <param name="begunBefore">The moment; null for now.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<InspectedSessions> InspectSessionsAsync(DateTimeOffset? begunBefore, CancellationToken cancellationToken);

    /// <summary>Recorded deletions: how many, and how many of them are due and were put off at least once.</summary>
    ValueTask<InspectedTombstones> InspectTombstonesAsync(CancellationToken cancellationToken);
}

/// <summary>Where an entry stands: its directory's id, and its name.</summary>
/// <param name="Directory">The id; 0 above the root.</param>
/// <param name="Name">The name; empty for the root. Null, as in default: before everything.</param>
public readonly record struct InspectedPlace(long Directory, string? Name);

/// <summary>An entry as its row says.</summary>
public sealed record InspectedEntry
{
    /// <summary>Where it stands.</summary>
    public required InspectedPlace Place { get; init; }

    /// <summary>Its id when it is a directory; else null.</summary>
    public long? Id { get; init; }

    /// <summary>A file's version.</summary>
    public BigFsVersion Version { get; init; }

    /// <summary>A file's length in bytes.</summary>
    public long Size { get; init; }

    /// <summary>
    /// The first references of a file's manifest; <see cref="IMetadataInspection.InspectManifestAsync"/> gives the others.
    /// Default when they cannot be read.
    /// </summary>
    public ImmutableArray<ChunkReference> Chunks { get; init; } = [];

    /// <summary>Whether there are more references than <see cref="Chunks"/>.</summary>
    public bool HasMore { get; init; }

    /// <summary>Bytes of the content that the metadata hold themselves; null when it lies in chunks, -1 when it is missing.</summary>
    public int? ContentBytes { get; init; }
}

/// <summary>A row of the index of owners.</summary>
/// <param name="Key">The chunk.</param>
/// <param name="Version">The version that is said to name it; 0 for a recorded deletion.</param>
public readonly record struct InspectedOwner(ChunkKey Key, BigFsVersion Version);

/// <summary>Where a version is.</summary>
/// <param name="Place">The place of its entry, in sight or not; null when there is none.</param>
/// <param name="IsKept">Whether it was replaced or deleted and its chunks still have to go.</param>
public readonly record struct InspectedVersion(InspectedPlace? Place, bool IsKept);

/// <summary>Open upload sessions.</summary>
/// <param name="Open">How many.</param>
/// <param name="Now">The database's clock.</param>
public readonly record struct InspectedSessions(long Open, DateTimeOffset Now);

/// <summary>Recorded deletions that are still to be carried out.</summary>
/// <param name="All">How many.</param>
/// <param name="PutOff">How many of them somebody could not carry out by now.</param>
public readonly record struct InspectedTombstones(long All, long PutOff);
