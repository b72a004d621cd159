using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Versions that are out of sight and leased to readers, inside the writer's transaction: renewed while the lease lasts,
/// turned into tombstones afterwards, a little at a time. What cannot be read is set aside, so that the rest goes on.
/// </summary>
internal sealed partial class PostgresDeadVersions(TimeSpan readLease, ILogger logger)
{
    private const int VersionsPerStep = 256;
    private const int ChunksPerStep = PostgresEntries.PageReferences;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly ILogger _logger = logger;

    /// <summary>Renews the lease on a version; true when something had to be written.</summary>
    /// <exception cref="BigFsException">VersionExpired.</exception>
    public async ValueTask<bool> RenewAsync(PostgresTransaction transaction, long version)
    {
        Dictionary<long, PostgresVersionPlace> places = await PostgresVersions.LocateAsync(
            transaction.Connection, [version], CancellationToken.None).ConfigureAwait(false);
        PostgresVersionPlace place = PostgresVersions.RequireLeased(places.GetValueOrDefault(version), version, transaction.Now);
        if (place.Path is not null)
        {
            return false;
        }

        string write = place.IsInDeadTree
            ? "INSERT INTO leases (version, until) VALUES ($1, $2) ON CONFLICT (version) DO UPDATE SET until = excluded.until"
            : "UPDATE dead_versions SET due = $2 WHERE version = $1 AND due < $2";
        await transaction.Connection.ExecuteAsync(new NpgsqlBatchCommand(write)
            .With(NpgsqlDbType.Bigint, version)
            .With(NpgsqlDbType.Bigint, transaction.Now + readLease.Ticks)).ConfigureAwait(false);
        return true;
    }

    /// <summary>Turns some versions whose leases have ended into tombstones; false when none was due.</summary>
    public async ValueTask<bool> StepAsync(PostgresTransaction transaction)
    {
        var due = await transaction.Connection.ReadAsync(
            new NpgsqlBatchCommand(
                $"SELECT version, due, manifest FROM dead_versions WHERE due <= $1 ORDER BY due, version LIMIT {VersionsPerStep}")
                .With(NpgsqlDbType.Bigint, transaction.Now),
            row => (Version: row.GetInt64(0), Due: row.GetInt64(1), Manifest: PostgresCommands.Bytes(row, 2))).ConfigureAwait(false);
        int chunks = 0;
        var done = new List<long>();
        foreach ((long version, long at, byte[]? manifest) in due)
        {
            try
            {
                chunks += manifest is null
                    ? await ExpandPageAsync(transaction, version, at, done).ConfigureAwait(false)
                    : await ExpandAsync(transaction, version, at, ManifestCodec.Decode(manifest), done).ConfigureAwait(false);
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
            {
                await transaction.Connection.ExecuteAsync(
                    new NpgsqlBatchCommand("UPDATE dead_versions SET due = $1 WHERE version = $2")
                        .With(NpgsqlDbType.Bigint, Aside)
                        .With(NpgsqlDbType.Bigint, version)).ConfigureAwait(false);
                LogAside(version, exception);
            }

            if (chunks >= ChunksPerStep)
            {
                break;
            }
        }

        if (done.Count > 0)
        {
            await transaction.Connection.ExecuteAsync(
                new NpgsqlBatchCommand("DELETE FROM dead_versions WHERE version = ANY ($1)")
                    .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, done)).ConfigureAwait(false);
        }

        return due.Count > 0;
    }

    private static async Task<int> ExpandAsync(
        PostgresTransaction transaction, long version, long due, ImmutableArray<ChunkReference> chunks, List<long> done)
    {
        await transaction.DisownAsync(chunks, version, due).ConfigureAwait(false);
        done.Add(version);
        return chunks.Length;
    }

    // The last page first, so that what is left is a manifest still.
    private static async Task<int> ExpandPageAsync(PostgresTransaction transaction, long version, long due, List<long> done)
    {
        var last = await transaction.Connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT page, chunks FROM manifest_pages WHERE version = $1 ORDER BY page DESC LIMIT 1")
                .With(NpgsqlDbType.Bigint, version),
            row => (Page: row.GetInt64(0), Chunks: row.GetFieldValue<byte[]>(1))).ConfigureAwait(false);
        if (last.Count == 0)
        {
            done.Add(version);
            return 0;
        }

        ImmutableArray<ChunkReference> chunks = ManifestCodec.Decode(last[0].Chunks);
        await transaction.DisownAsync(chunks, version, due).ConfigureAwait(false);
        await transaction.Connection.ExecuteAsync(
            new NpgsqlBatchCommand("DELETE FROM manifest_pages WHERE version = $1 AND page = $2")
                .With(NpgsqlDbType.Bigint, version)
                .With(NpgsqlDbType.Bigint, last[0].Page)).ConfigureAwait(false);
        if (last[0].Page == 0)
        {
            done.Add(version);
        }

        return chunks.Length;
    }

    [LoggerMessage(
        EventId = 3263,
        Level = LogLevel.Error,
        Message = "The manifest of the deleted version {Version} cannot be read: it is set aside, and its chunks stay on the datanodes")]
    private partial void LogAside(long version, Exception exception);
}
