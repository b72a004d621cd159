using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <content>What a check of the whole asks for.</content>
internal sealed partial class PostgresMetadataStore : IMetadataInspection
{
    /// <inheritdoc/>
    public ValueTask<ImmutableArray<InspectedEntry>> InspectEntriesAsync(
        InspectedPlace after, int limit, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            (connection, token) => PostgresInspection.EntriesAsync(connection, after, limit, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<InspectedEntry?> InspectEntryAsync(InspectedPlace place, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync((connection, token) => PostgresInspection.EntryAsync(connection, place, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<InspectedEntry?> InspectDirectoryAsync(long id, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync((connection, token) => PostgresInspection.DirectoryAsync(connection, id, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ChunkReference>> InspectManifestAsync(
        BigFsVersion version, int first, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            (connection, token) => PostgresInspection.ManifestAsync(connection, version, first, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<long>> InspectDeadDirectoriesAsync(
        long after, int limit, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            (connection, token) => PostgresInspection.DeadDirectoriesAsync(connection, after, limit, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<InspectedOwner>> InspectOwnersAsync(
        InspectedOwner? after, int limit, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            (connection, token) => PostgresInspection.OwnersAsync(connection, after, limit, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<InspectedVersion> InspectVersionAsync(BigFsVersion version, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            (connection, token) => PostgresInspection.VersionAsync(connection, version, token), cancellationToken));

    /// <inheritdoc/>
    public ValueTask<InspectedSessions> InspectSessionsAsync(DateTimeOffset? begunBefore, CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(
            async (connection, token) => await PostgresInspection.SessionsAsync(
                connection, begunBefore, await _reads.NowAsync(connection, token).ConfigureAwait(false), token).ConfigureAwait(false),
            cancellationToken));

    /// <inheritdoc/>
    public ValueTask<InspectedTombstones> InspectTombstonesAsync(CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(PostgresInspection.TombstonesAsync, cancellationToken));
}
