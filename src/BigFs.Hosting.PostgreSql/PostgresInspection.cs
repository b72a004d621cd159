using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The rows of the namespace as they are (<see cref="IMetadataInspection"/>), each call on one state of the database.</summary>
internal static class PostgresInspection
{
    /// <summary>Below every directory's id: the rows after it are all rows.</summary>
    private const long BeforeAll = -1;

    private const string Columns =
        "SELECT e.parent, e.name, e.id, e.version, e.size, e.manifest, e.content, length(c.bytes) "
            + "FROM entries e LEFT JOIN contents c ON e.content AND c.version = e.version ";

    /// <summary><see cref="IMetadataInspection.InspectEntriesAsync"/>.</summary>
    public static Task<ImmutableArray<InspectedEntry>> EntriesAsync(
        NpgsqlConnection connection, InspectedPlace after, int limit, CancellationToken cancellationToken) => RowsAsync(
        connection,
        new NpgsqlBatchCommand(Columns + "WHERE (e.parent, e.name) > ($1, $2) ORDER BY e.parent, e.name LIMIT $3")
            .With(NpgsqlDbType.Bigint, after.Name is null ? BeforeAll : after.Directory)
            .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(after.Name ?? ""))
            .With(NpgsqlDbType.Integer, limit),
        cancellationToken);

    /// <summary><see cref="IMetadataInspection.InspectEntryAsync"/>.</summary>
    public static async Task<InspectedEntry?> EntryAsync(
        NpgsqlConnection connection, InspectedPlace place, CancellationToken cancellationToken) => (await RowsAsync(
        connection,
        new NpgsqlBatchCommand(Columns + "WHERE e.parent = $1 AND e.name = $2")
            .With(NpgsqlDbType.Bigint, place.Directory)
            .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(place.Name ?? "")),
        cancellationToken).ConfigureAwait(false)) is [var row] ? row : null;

    /// <summary><see cref="IMetadataInspection.InspectDirectoryAsync"/>.</summary>
    public static async Task<InspectedEntry?> DirectoryAsync(
        NpgsqlConnection connection, long id, CancellationToken cancellationToken) => (await RowsAsync(
        connection,
        new NpgsqlBatchCommand(Columns + "WHERE e.id = $1").With(NpgsqlDbType.Bigint, id),
        cancellationToken).ConfigureAwait(false)) is [var row] ? row : null;

    /// <summary><see cref="IMetadataInspection.InspectManifestAsync"/>.</summary>
    public static async Task<ImmutableArray<ChunkReference>> ManifestAsync(
        NpgsqlConnection connection, BigFsVersion version, int first, CancellationToken cancellationToken)
    {
        (int page, int within) = Math.DivRem(first, PostgresEntries.PageReferences);
        List<byte[]> pages = await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT chunks FROM manifest_pages WHERE version = $1 AND page = $2")
                .With(NpgsqlDbType.Bigint, (long)version.Value)
                .With(NpgsqlDbType.Bigint, (long)page),
            row => row.GetFieldValue<byte[]>(0),
            cancellationToken).ConfigureAwait(false);
        return pages is [var bytes] && ManifestCodec.Decode(bytes) is var references && within < references.Length
            ? references[within..]
            : [];
    }

    /// <summary><see cref="IMetadataInspection.InspectDeadDirectoriesAsync"/>.</summary>
    public static async Task<ImmutableArray<long>> DeadDirectoriesAsync(
        NpgsqlConnection connection, long after, int limit, CancellationToken cancellationToken) =>
    [
        .. await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT id FROM dead_directories WHERE id > $1 ORDER BY id LIMIT $2")
                .With(NpgsqlDbType.Bigint, after)
                .With(NpgsqlDbType.Integer, limit),
            row => row.GetInt64(0),
            cancellationToken).ConfigureAwait(false),
    ];

    /// <summary><see cref="IMetadataInspection.InspectOwnersAsync"/>.</summary>
    public static async Task<ImmutableArray<InspectedOwner>> OwnersAsync(
        NpgsqlConnection connection, InspectedOwner? after, int limit, CancellationToken cancellationToken)
    {
        // No version is negative: this one is before all rows of the lowest key, too.
        (long key, long version) = after is { } last
            ? ((long)last.Key.Value, (long)last.Version.Value)
            : (long.MinValue, -1);
        return
        [
            .. await connection.ReadAsync(
                new NpgsqlBatchCommand(
                    "SELECT key, version FROM chunk_owners WHERE (key, version) > ($1, $2) ORDER BY key, version LIMIT $3")
                    .With(NpgsqlDbType.Bigint, key)
                    .With(NpgsqlDbType.Bigint, version)
                    .With(NpgsqlDbType.Integer, limit),
                row => new InspectedOwner(new ChunkKey((ulong)row.GetInt64(0)), new BigFsVersion((ulong)row.GetInt64(1))),
                cancellationToken).ConfigureAwait(false),
        ];
    }

    /// <summary><see cref="IMetadataInspection.InspectVersionAsync"/>.</summary>
    public static async Task<InspectedVersion> VersionAsync(
        NpgsqlConnection connection, BigFsVersion version, CancellationToken cancellationToken)
    {
        List<InspectedPlace> places = await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT parent, name FROM entries WHERE version = $1 AND chunks > 0")
                .With(NpgsqlDbType.Bigint, (long)version.Value),
            row => new InspectedPlace(row.GetInt64(0), Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(1))),
            cancellationToken).ConfigureAwait(false);
        List<bool> kept = await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT EXISTS (SELECT 1 FROM dead_versions WHERE version = $1)")
                .With(NpgsqlDbType.Bigint, (long)version.Value),
            row => row.GetBoolean(0),
            cancellationToken).ConfigureAwait(false);
        return new InspectedVersion(places is [var place] ? place : null, kept.Single());
    }

    /// <summary><see cref="IMetadataInspection.InspectSessionsAsync"/>.</summary>
    public static async Task<InspectedSessions> SessionsAsync(
        NpgsqlConnection connection, DateTimeOffset? begunBefore, long now, CancellationToken cancellationToken) =>
        (await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT count(*) FROM sessions WHERE state = 0 AND expires > $1 AND created <= $2")
                .With(NpgsqlDbType.Bigint, now)
                .With(NpgsqlDbType.Bigint, begunBefore?.UtcTicks ?? now),
            row => new InspectedSessions(row.GetInt64(0), new DateTimeOffset(now, TimeSpan.Zero)),
            cancellationToken).ConfigureAwait(false)).Single();

    /// <summary><see cref="IMetadataInspection.InspectTombstonesAsync"/>.</summary>
    public static async Task<InspectedTombstones> TombstonesAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken) =>
        (await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT count(*), count(*) FILTER (WHERE attempts > 0) FROM tombstones"),
            row => new InspectedTombstones(row.GetInt64(0), row.GetInt64(1)),
            cancellationToken).ConfigureAwait(false)).Single();

    private static async Task<ImmutableArray<InspectedEntry>> RowsAsync(
        NpgsqlConnection connection, NpgsqlBatchCommand command, CancellationToken cancellationToken)
    {
        List<(InspectedEntry Row, byte[]? Manifest)> rows = await connection.ReadAsync(command, Row, cancellationToken)
            .ConfigureAwait(false);
        var entries = ImmutableArray.CreateBuilder<InspectedEntry>(rows.Count);
        foreach ((InspectedEntry row, byte[]? manifest) in rows)
        {
            entries.Add(row.Id is null && row.ContentBytes is null
                ? await WithChunksAsync(connection, row, manifest, cancellationToken).ConfigureAwait(false)
                : row);
        }

        return entries.MoveToImmutable();
    }

    private static (InspectedEntry Row, byte[]? Manifest) Row(NpgsqlDataReader row) => (
        new InspectedEntry
        {
            Place = new InspectedPlace(row.GetInt64(0), Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(1))),
            Id = row.IsDBNull(2) ? null : row.GetInt64(2),
            Version = new BigFsVersion(row.IsDBNull(3) ? 0 : (ulong)row.GetInt64(3)),
            Size = row.IsDBNull(4) ? 0 : row.GetInt64(4),
            ContentBytes = !row.GetBoolean(6) ? null : row.IsDBNull(7) ? -1 : row.GetInt32(7),
        },
        PostgresCommands.Bytes(row, 5));

    private static async Task<InspectedEntry> WithChunksAsync(
        NpgsqlConnection connection, InspectedEntry row, byte[]? manifest, CancellationToken cancellationToken)
    {
        try
        {
            return manifest is not null
                ? row with { Chunks = ManifestCodec.Decode(manifest) }
                : row with
                {
                    Chunks = await ManifestAsync(connection, row.Version, 0, cancellationToken).ConfigureAwait(false),
                    HasMore = true,
                };
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            return row with { Chunks = default };
        }
    }
}
