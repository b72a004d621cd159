using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// What may follow later, a little at a time, inside the writer's transaction: the entries of deleted directories, the
/// tombstones of long manifests, answers past their retention. All of it is in tables, so whichever server runs goes on.
/// What cannot be read is set aside, so that the rest goes on; it stays in the tables.
/// </summary>
internal sealed partial class PostgresPurge(ILogger logger)
{
    private const int RowsPerStep = 512;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly ILogger _logger = logger;

    /// <summary>Clears away some of what is deleted; false when nothing is left to do now.</summary>
    public async ValueTask<bool> StepAsync(PostgresTransaction transaction)
    {
        bool manifests = await StepManifestAsync(transaction).ConfigureAwait(false);
        return await StepDirectoryAsync(transaction).ConfigureAwait(false) | manifests;
    }

    /// <summary>Forgets some answers past their retention; false when nothing is left to do now.</summary>
    public static async ValueTask<bool> PruneAsync(PostgresTransaction transaction)
    {
        bool isMore = false;
        foreach (string table in (string[])["sessions", "operations"])
        {
            isMore |= RowsPerStep == await RunAsync(transaction, new NpgsqlBatchCommand(
                $"DELETE FROM {table} WHERE id = ANY (ARRAY ("
                    + $"SELECT id FROM {table} WHERE keep_until <= $1 ORDER BY keep_until LIMIT {RowsPerStep}))")
                .With(NpgsqlDbType.Bigint, transaction.Now)).ConfigureAwait(false);
        }

        return isMore;
    }

    private async Task<bool> StepManifestAsync(PostgresTransaction transaction)
    {
        if (await FirstAsync(transaction, "SELECT version, due FROM dead_manifests WHERE due < $1 LIMIT 1", Aside)
            .ConfigureAwait(false) is not (long version, long due))
        {
            return false;
        }

        (long Page, byte[] Chunks)? last = await LastPageAsync(transaction, version).ConfigureAwait(false);
        if (last is null)
        {
            await RunAsync(transaction, new NpgsqlBatchCommand("DELETE FROM dead_manifests WHERE version = $1")
                .With(NpgsqlDbType.Bigint, version)).ConfigureAwait(false);
            return true;
        }

        ImmutableArray<ChunkReference> chunks;
        try
        {
            chunks = ManifestCodec.Decode(last.Value.Chunks);
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            await RunAsync(transaction, new NpgsqlBatchCommand("UPDATE dead_manifests SET due = $1 WHERE version = $2")
                .With(NpgsqlDbType.Bigint, Aside)
                .With(NpgsqlDbType.Bigint, version)).ConfigureAwait(false);
            LogManifestAside(version, last.Value.Page, exception);
            return true;
        }

        transaction.AddTombstones(chunks, due);
        await RunAsync(transaction, new NpgsqlBatchCommand("DELETE FROM manifest_pages WHERE version = $1 AND page = $2")
            .With(NpgsqlDbType.Bigint, version)
            .With(NpgsqlDbType.Bigint, last.Value.Page)).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> StepDirectoryAsync(PostgresTransaction transaction)
    {
        if (await FirstAsync(transaction, "SELECT id, due FROM dead_directories WHERE due < $1 LIMIT 1", Aside)
            .ConfigureAwait(false) is not (long directory, long due))
        {
            return false;
        }

        List<PostgresEntryRow> children = await ChildrenAsync(transaction, directory).ConfigureAwait(false);
        var buried = new List<byte[]>(children.Count);
        foreach (PostgresEntryRow child in children)
        {
            if (child.Id is { } id)
            {
                transaction.AddDeadDirectory(id, due);
            }
            else if (!TryBury(transaction, child, due))
            {
                await RunAsync(transaction, new NpgsqlBatchCommand("UPDATE dead_directories SET due = $1 WHERE id = $2")
                    .With(NpgsqlDbType.Bigint, Aside)
                    .With(NpgsqlDbType.Bigint, directory)).ConfigureAwait(false);
                break;
            }

            buried.Add(Encoding.UTF8.GetBytes(child.Name));
        }

        await RunAsync(transaction, new NpgsqlBatchCommand("DELETE FROM entries WHERE parent = $1 AND name = ANY ($2)")
            .With(NpgsqlDbType.Bigint, directory)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, buried)).ConfigureAwait(false);
        if (children.Count < RowsPerStep && buried.Count == children.Count)
        {
            await RunAsync(transaction, new NpgsqlBatchCommand("DELETE FROM dead_directories WHERE id = $1")
                .With(NpgsqlDbType.Bigint, directory)).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>False, and nothing is written, when the file's manifest cannot be read.</summary>
    private bool TryBury(PostgresTransaction transaction, PostgresEntryRow file, long due)
    {
        try
        {
            PostgresEntries.BuryFile(transaction, file, due);
            return true;
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            LogDirectoryAside(file.Parent, file.Name, exception);
            return false;
        }
    }

    private static async Task<List<PostgresEntryRow>> ChildrenAsync(PostgresTransaction transaction, long directory)
    {
        await using var find = new NpgsqlBatch(transaction.Connection);
        find.BatchCommands.Add(new NpgsqlBatchCommand(
            $"SELECT 0, {PostgresCommands.EntryColumns} FROM entries WHERE parent = $1 ORDER BY name LIMIT {RowsPerStep}")
            .With(NpgsqlDbType.Bigint, directory));
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
        var children = new List<PostgresEntryRow>();
        while (await reader.ReadAsync().ConfigureAwait(false))
        {
            children.Add(PostgresCommands.Row(reader, withManifest: true));
        }

        return children;
    }

    private static async Task<(long Page, byte[] Chunks)?> LastPageAsync(PostgresTransaction transaction, long version)
    {
        await using var find = new NpgsqlBatch(transaction.Connection);
        find.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT page, chunks FROM manifest_pages WHERE version = $1 ORDER BY page DESC LIMIT 1")
            .With(NpgsqlDbType.Bigint, version));
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
        return await reader.ReadAsync().ConfigureAwait(false) ? (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)) : null;
    }

    private static async Task<(long First, long Second)?> FirstAsync(PostgresTransaction transaction, string text, long bound)
    {
        await using var find = new NpgsqlBatch(transaction.Connection);
        find.BatchCommands.Add(new NpgsqlBatchCommand(text).With(NpgsqlDbType.Bigint, bound));
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
        return await reader.ReadAsync().ConfigureAwait(false) ? (reader.GetInt64(0), reader.GetInt64(1)) : null;
    }

    private static async Task<int> RunAsync(PostgresTransaction transaction, NpgsqlBatchCommand command)
    {
        await using var batch = new NpgsqlBatch(transaction.Connection);
        batch.BatchCommands.Add(command);
        return await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    [LoggerMessage(
        EventId = 3263,
        Level = LogLevel.Error,
        Message = "Page {Page} of the deleted manifest {Version} cannot be read: it is set aside, and its chunks stay on the datanodes")]
    private partial void LogManifestAside(long version, long page, Exception exception);

    [LoggerMessage(
        EventId = 3264,
        Level = LogLevel.Error,
        Message = "The manifest of \"{Name}\" in the deleted directory {Directory} cannot be read: the directory is set aside, and the chunks of what is left in it stay on the datanodes")]
    private partial void LogDirectoryAside(long directory, string name, Exception exception);
}
