using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Reads versions by their own number, and the owners of chunks, on one state of the database.</summary>
internal static class PostgresVersions
{
    // From each version's entry up to the root, or to a directory that is gone.
    private const string Up =
        "WITH RECURSIVE up AS ("
        + "SELECT e.version, 0 AS height, e.parent, e.name, e.chunks, e.manifest FROM entries e "
        + "WHERE e.version = ANY ($1) AND e.chunks > 0 "
        + "UNION ALL SELECT u.version, u.height + 1, e.parent, e.name, 0, NULL FROM up u "
        + "JOIN entries e ON e.id = u.parent WHERE u.parent <> 1) "
        + "SELECT u.version, u.parent, u.name, u.chunks, u.manifest, u.height, d.due, l.until FROM up u "
        + "LEFT JOIN dead_directories d ON d.id = u.parent LEFT JOIN leases l ON l.version = u.version "
        + "ORDER BY u.version, u.height";

    /// <summary>What is known of versions that have chunks: where they stand, or until when they are kept.</summary>
    public static async Task<Dictionary<long, PostgresVersionPlace>> LocateAsync(
        NpgsqlConnection connection, long[] versions, CancellationToken cancellationToken)
    {
        var places = new Dictionary<long, PostgresVersionPlace>();
        if (versions.Length == 0)
        {
            return places;
        }

        var steps = await connection.ReadAsync(
            new NpgsqlBatchCommand(Up).With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, versions),
            row => (
                Version: row.GetInt64(0),
                Parent: row.GetInt64(1),
                Name: Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(2)),
                Chunks: row.GetInt32(3),
                Manifest: PostgresCommands.Bytes(row, 4),
                Due: Math.Max(row.IsDBNull(6) ? 0 : row.GetInt64(6), row.IsDBNull(7) ? 0 : row.GetInt64(7))),
            cancellationToken).ConfigureAwait(false);
        foreach (var chain in steps.GroupBy(step => step.Version))
        {
            var last = chain.Last();
            bool stands = last.Parent == PostgresSchema.RootId;
            places[chain.Key] = new PostgresVersionPlace
            {
                Version = chain.Key,
                Chunks = chain.First().Chunks,
                Manifest = chain.First().Manifest,
                Path = stands ? "/" + string.Join('/', chain.Reverse().Select(step => step.Name)) : null,
                Due = stands ? 0 : last.Due,
                IsInDeadTree = !stands,
            };
        }

        List<PostgresVersionPlace> dead = await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT version, due, chunks, manifest FROM dead_versions WHERE version = ANY ($1)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, versions),
            row => new PostgresVersionPlace
            {
                Version = row.GetInt64(0),
                Due = row.GetInt64(1),
                Chunks = row.GetInt32(2),
                Manifest = PostgresCommands.Bytes(row, 3),
            },
            cancellationToken).ConfigureAwait(false);
        foreach (PostgresVersionPlace place in dead)
        {
            places.TryAdd(place.Version, place);
        }

        return places;
    }

    /// <summary>The version, when it stands or its lease lasts.</summary>
    /// <exception cref="BigFsException">VersionExpired.</exception>
    public static PostgresVersionPlace RequireLeased(PostgresVersionPlace? place, long version, long now) =>
        place is { Path: not null } || place?.Due > now
            ? place
            : throw MetadataErrors.VersionExpired(new BigFsVersion((ulong)version));

    /// <summary>References of a version from a place on.</summary>
    public static async Task<ImmutableArray<ChunkReference>> ChunksAsync(
        NpgsqlConnection connection, PostgresVersionPlace place, int first, int count, CancellationToken cancellationToken)
    {
        if (place.Manifest is { } manifest)
        {
            return Slice(ManifestCodec.Decode(manifest), first, count);
        }

        const int size = PostgresEntries.PageReferences;
        int firstPage = first / size;
        List<byte[]> pages = await connection.ReadAsync(
            new NpgsqlBatchCommand(
                "SELECT chunks FROM manifest_pages WHERE version = $1 AND page >= $2 AND page <= $3 ORDER BY page")
                .With(NpgsqlDbType.Bigint, place.Version)
                .With(NpgsqlDbType.Bigint, (long)firstPage)
                .With(NpgsqlDbType.Bigint, ((long)first + count - 1) / size),
            row => row.GetFieldValue<byte[]>(0),
            cancellationToken).ConfigureAwait(false);
        ImmutableArray<ChunkReference> all = [.. pages.SelectMany(page => ManifestCodec.Decode(page))];
        return Slice(all, first - (firstPage * size), count);
    }

    /// <summary>Who owns chunks, in their order.</summary>
    public static async Task<ImmutableArray<ChunkOwners>> OwnersAsync(
        NpgsqlConnection connection, ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken)
    {
        ILookup<long, long> owners = (await connection.ReadAsync(
            Owners([.. chunks.Select(chunk => (long)chunk.Value).Distinct()]),
            row => (Key: row.GetInt64(0), Version: row.GetInt64(1)),
            cancellationToken).ConfigureAwait(false)).ToLookup(one => one.Key, one => one.Version);
        long[] versions = [.. owners.SelectMany(one => one).Where(version => version != 0).Distinct()];
        Dictionary<long, PostgresVersionPlace> places =
            await LocateAsync(connection, versions, cancellationToken).ConfigureAwait(false);
        return
        [
            .. chunks.Select(chunk =>
            {
                long[] of = [.. owners[(long)chunk.Value]];
                return of is [0]
                    ? new ChunkOwners(chunk, IsDeleted: true, [])
                    : new ChunkOwners(
                        chunk,
                        IsDeleted: false,
                        [.. of.Select(version => new ChunkOwner(new BigFsVersion((ulong)version), PathOf(places.GetValueOrDefault(version))))]);
            }),
        ];
    }

    /// <summary>The owners of chunks, by key.</summary>
    public static NpgsqlBatchCommand Owners(long[] keys) =>
        new NpgsqlBatchCommand("SELECT key, version FROM chunk_owners WHERE key = ANY ($1)")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, keys);

    // A move may have brought it deeper than a path can name; it is owned all the same.
    private static BigFsPath? PathOf(PostgresVersionPlace? place) =>
        BigFsPath.TryParse(place?.Path, null, out BigFsPath path) ? path : default(BigFsPath?);

    private static ImmutableArray<ChunkReference> Slice(ImmutableArray<ChunkReference> all, int first, int count) =>
        first >= all.Length ? [] : [.. all.AsSpan(first, Math.Min(count, all.Length - first))];
}

/// <summary>A version that has chunks, standing or still kept.</summary>
internal sealed record PostgresVersionPlace
{
    public required long Version { get; init; }

    public required int Chunks { get; init; }

    /// <summary>The references of a short manifest; null when they lie in pages.</summary>
    public required byte[]? Manifest { get; init; }

    /// <summary>Where it stands; null when it is out of sight.</summary>
    public string? Path { get; init; }

    /// <summary>Until when it is kept, when it is out of sight.</summary>
    public long Due { get; init; }

    /// <summary>Whether it went with a directory and was not yet cleared away.</summary>
    public bool IsInDeadTree { get; init; }
}
