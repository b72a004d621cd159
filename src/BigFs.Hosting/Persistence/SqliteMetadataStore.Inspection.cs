using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Persistence;

/// <content>What a check of the whole asks for.</content>
internal sealed partial class SqliteMetadataStore : IMetadataInspection
{
    /// <inheritdoc/>
    public ValueTask<ImmutableArray<InspectedEntry>> InspectEntriesAsync(
        InspectedPlace after, int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Entries(after, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<InspectedEntry?> InspectEntryAsync(InspectedPlace place, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Entry(place), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<InspectedEntry?> InspectDirectoryAsync(long id, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Directory(id), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ChunkReference>> InspectManifestAsync(
        BigFsVersion version, int first, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Manifest(version, first), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<long>> InspectDeadDirectoriesAsync(
        long after, int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.DeadDirectories(after, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<InspectedSessions> InspectSessionsAsync(
        DateTimeOffset? begunBefore, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Sessions(begunBefore, _clock.Now()), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<InspectedTombstones> InspectTombstonesAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Tombstones(), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<InspectedOwner>> InspectOwnersAsync(
        InspectedOwner? after, int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Owners(after, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<InspectedVersion> InspectVersionAsync(BigFsVersion version, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Inspection.Version(version), cancellationToken);
}
