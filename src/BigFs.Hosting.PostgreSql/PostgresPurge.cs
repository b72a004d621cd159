using System.Text;
using BigFs.Core.Metadata;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// What may follow later, a little at a time, inside the writer's transaction: the entries of deleted directories, answers
/// past their retention. All of it is in tables, so whichever server runs goes on. What cannot be read is set aside, so that
/// the rest goes on; it stays in the tables.
/// </summary>
internal sealed partial class PostgresPurge(TimeSpan retention, ILogger logger)
{
    private const int RowsPerStep = 512;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly ILogger _logger = logger;

    /// <summary>Clears away some of what deleted directories held; false when nothing is left to do now.</summary>
    public async ValueTask<bool> StepAsync(PostgresTransaction transaction)
    {
        NpgsqlConnection connection = transaction.Connection;
        var next = await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT id, due, job FROM dead_directories WHERE due < $1 LIMIT 1")
                .With(NpgsqlDbType.Bigint, Aside),
            row => (Id: row.GetInt64(0), Due: row.GetInt64(1), Job: row.IsDBNull(2) ? default(Guid?) : row.GetGuid(2)))
            .ConfigureAwait(false);
        if (next.Count == 0)
        {
            return false;
        }

        (long directory, long due, Guid? job) = next[0];
        List<PostgresEntryRow> children = await ChildrenAsync(connection, directory).ConfigureAwait(false);
        Dictionary<long, long> leases = await LeasesAsync(connection, children).ConfigureAwait(false);
        MetadataTotals cleared = default;
        var gone = new List<byte[]>(children.Count);
        string? problem = null;
        foreach (PostgresEntryRow child in children)
        {
            if (child.Id is { } id)
            {
                transaction.AddDeadDirectory(id, due, job);
                cleared = cleared with { Directories = cleared.Directories + 1 };
            }
            else if (CanBury(child))
            {
                PostgresEntries.BuryFile(transaction, child, Math.Max(due, leases.GetValueOrDefault(child.Version)));
                cleared = cleared.WithFile(child.Size, child.Replicas, child.IsInline);
            }
            else
            {
                problem = "A manifest of what was deleted cannot be read; the rest of its directory is set aside.";
                break;
            }

            gone.Add(Encoding.UTF8.GetBytes(child.Name));
        }

        await RemoveAsync(connection, directory, gone, [.. leases.Keys]).ConfigureAwait(false);
        bool isDone = problem is null && children.Count < RowsPerStep;
        await LeaveAsync(connection, directory, problem is not null, isDone).ConfigureAwait(false);
        if (job is { } known)
        {
            await NoteAsync(transaction, known, cleared, problem, isDone && cleared.Directories == 0).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Forgets some answers past their retention; false when nothing is left to do now.</summary>
    public static async ValueTask<bool> PruneAsync(PostgresTransaction transaction)
    {
        NpgsqlConnection connection = transaction.Connection;
        var sessions = await connection.ReadAsync(
            Prune("sessions", transaction.Now, "state, staged_version, staged"),
            row => (State: row.GetInt32(0), Version: row.IsDBNull(1) ? default(long?) : row.GetInt64(1), Staged: row.GetInt32(2)))
            .ConfigureAwait(false);
        foreach ((int state, long? version, int staged) in sessions)
        {
            // What an upload staged that was neither committed nor aborted: nobody can commit it any more.
            if (state == (int)StoredSessionState.Open && version is { } left)
            {
                transaction.AddDeadVersion(left, transaction.Now, staged, null);
            }
        }

        bool isMore = sessions.Count == RowsPerStep;
        foreach (string table in (string[])["operations", "jobs"])
        {
            List<bool> pruned = await connection.ReadAsync(Prune(table, transaction.Now, "true"), row => row.GetBoolean(0))
                .ConfigureAwait(false);
            isMore |= pruned.Count == RowsPerStep;
        }

        return isMore;
    }

    private static NpgsqlBatchCommand Prune(string table, long now, string returned) =>
        new NpgsqlBatchCommand(
            $"DELETE FROM {table} WHERE id = ANY (ARRAY (SELECT id FROM {table} WHERE keep_until <= $1 ORDER BY keep_until "
                + $"LIMIT {RowsPerStep})) RETURNING {returned}")
            .With(NpgsqlDbType.Bigint, now);

    private static async Task<List<PostgresEntryRow>> ChildrenAsync(NpgsqlConnection connection, long directory) =>
        await connection.ReadAsync(
            new NpgsqlBatchCommand(
                $"SELECT 0, {PostgresCommands.EntryColumns} FROM entries WHERE parent = $1 ORDER BY name LIMIT {RowsPerStep}")
                .With(NpgsqlDbType.Bigint, directory),
            row => PostgresCommands.Row(row, withManifest: true)).ConfigureAwait(false);

    /// <summary>The renewed leases on files of a dead tree; most often none.</summary>
    private static async Task<Dictionary<long, long>> LeasesAsync(NpgsqlConnection connection, List<PostgresEntryRow> children) =>
        (await connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT version, until FROM leases WHERE version = ANY ($1)").With(
                NpgsqlDbType.Array | NpgsqlDbType.Bigint,
                children.Where(child => !child.IsDirectory).Select(child => child.Version).ToArray()),
            row => (Version: row.GetInt64(0), Until: row.GetInt64(1))).ConfigureAwait(false))
            .ToDictionary(lease => lease.Version, lease => lease.Until);

    private static async Task RemoveAsync(NpgsqlConnection connection, long directory, List<byte[]> names, long[] leases)
    {
        await connection.ExecuteAsync(new NpgsqlBatchCommand("DELETE FROM entries WHERE parent = $1 AND name = ANY ($2)")
            .With(NpgsqlDbType.Bigint, directory)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, names)).ConfigureAwait(false);
        if (leases.Length > 0)
        {
            await connection.ExecuteAsync(new NpgsqlBatchCommand("DELETE FROM leases WHERE version = ANY ($1)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, leases)).ConfigureAwait(false);
        }
    }

    private static async Task LeaveAsync(NpgsqlConnection connection, long directory, bool isAside, bool isDone)
    {
        if (isAside)
        {
            await connection.ExecuteAsync(new NpgsqlBatchCommand("UPDATE dead_directories SET due = $1 WHERE id = $2")
                .With(NpgsqlDbType.Bigint, Aside)
                .With(NpgsqlDbType.Bigint, directory)).ConfigureAwait(false);
        }
        else if (isDone)
        {
            await connection.ExecuteAsync(new NpgsqlBatchCommand("DELETE FROM dead_directories WHERE id = $1")
                .With(NpgsqlDbType.Bigint, directory)).ConfigureAwait(false);
        }
    }

    private async Task NoteAsync(
        PostgresTransaction transaction, Guid job, MetadataTotals cleared, string? problem, bool mayBeLast)
    {
        await PostgresJobs.AdvanceAsync(transaction, job, cleared, "", "").ConfigureAwait(false);
        if (problem is not null)
        {
            await PostgresJobs.EndAsync(transaction, job, MetadataJobState.Failed, retention, problem).ConfigureAwait(false);
            return;
        }

        // Directories that this step found are in the table with its commit only.
        if (mayBeLast && (await transaction.Connection.ReadAsync(
            new NpgsqlBatchCommand("SELECT 1 FROM dead_directories WHERE job = $1 LIMIT 1").With(NpgsqlDbType.Uuid, job),
            row => true).ConfigureAwait(false)).Count == 0)
        {
            await PostgresJobs.EndAsync(transaction, job, MetadataJobState.Done, retention).ConfigureAwait(false);
        }
    }

    private bool CanBury(PostgresEntryRow file)
    {
        try
        {
            if (file.Manifest is not null)
            {
                _ = ManifestCodec.Decode(file.Manifest);
            }

            return true;
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            LogDirectoryAside(file.Parent, file.Name, exception);
            return false;
        }
    }

    [LoggerMessage(
        EventId = 3264,
        Level = LogLevel.Error,
        Message = "The manifest of \"{Name}\" in the deleted directory {Directory} cannot be read: the directory is set aside, and the chunks of what is left in it stay on the datanodes")]
    private partial void LogDirectoryAside(long directory, string name, Exception exception);
}
