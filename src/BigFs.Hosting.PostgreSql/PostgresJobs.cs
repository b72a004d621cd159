using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The jobs' rows. A job's row is also the record of the operation that began it, for the retention after its end.
/// </summary>
internal static class PostgresJobs
{
    private const int MostListed = 1000;

    private const string Columns =
        "id, kind, state, started, updated, directory, files, directories, bytes, physical, path, place, problem, keep_until";

    /// <summary>A job that begins now.</summary>
    public static PostgresJob New(Guid id, MetadataJobKind kind, long directory, BigFsPath path, long now) => new(
        new MetadataJob
        {
            Id = id,
            Kind = kind,
            State = MetadataJobState.Running,
            Path = path,
            Started = new DateTimeOffset(now, TimeSpan.Zero),
            Updated = new DateTimeOffset(now, TimeSpan.Zero),
            Totals = default,
        },
        directory,
        "",
        long.MaxValue);

    /// <summary>Writes a new job.</summary>
    public static NpgsqlBatchCommand Insert(PostgresJob job) =>
        new NpgsqlBatchCommand($"INSERT INTO jobs ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13)")
            .With(NpgsqlDbType.Uuid, job.Job.Id)
            .With(NpgsqlDbType.Integer, (int)job.Job.Kind)
            .With(NpgsqlDbType.Integer, (int)job.Job.State)
            .With(NpgsqlDbType.Bigint, job.Job.Started.UtcTicks)
            .With(NpgsqlDbType.Bigint, job.Job.Updated.UtcTicks)
            .With(NpgsqlDbType.Bigint, job.Directory)
            .With(NpgsqlDbType.Bigint, job.Job.Totals.Files)
            .With(NpgsqlDbType.Bigint, job.Job.Totals.Directories)
            .With(NpgsqlDbType.Bigint, job.Job.Totals.Bytes)
            .With(NpgsqlDbType.Bigint, job.Job.Totals.PhysicalBytes)
            .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(job.Job.Path.ToString()))
            .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(job.Place))
            .With(NpgsqlDbType.Bigint, job.KeepUntil);

    /// <summary>A job; null when it is not known.</summary>
    public static async ValueTask<PostgresJob?> FindAsync(
        NpgsqlConnection connection, Guid id, CancellationToken cancellationToken = default) =>
        (await connection.ReadAsync(
            new NpgsqlBatchCommand($"SELECT {Columns} FROM jobs WHERE id = $1").With(NpgsqlDbType.Uuid, id),
            Row,
            cancellationToken).ConfigureAwait(false)).SingleOrDefault();

    /// <summary>All jobs, newest first.</summary>
    public static async Task<ImmutableArray<MetadataJob>> ListAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken) =>
    [
        .. (await connection.ReadAsync(
            new NpgsqlBatchCommand($"SELECT {Columns} FROM jobs ORDER BY started DESC, id LIMIT {MostListed}"),
            Row,
            cancellationToken).ConfigureAwait(false)).Select(job => job.Job),
    ];

    /// <summary>The running job of a kind that got on longest ago.</summary>
    public static async Task<PostgresJob?> RunningAsync(
        NpgsqlConnection connection, MetadataJobKind kind, CancellationToken cancellationToken) =>
        (await connection.ReadAsync(
            new NpgsqlBatchCommand($"SELECT {Columns} FROM jobs WHERE state = 0 AND kind = $1 ORDER BY updated LIMIT 1")
                .With(NpgsqlDbType.Integer, (int)kind),
            Row,
            cancellationToken).ConfigureAwait(false)).SingleOrDefault();

    /// <summary>Adds what a step counted; false when another step came before it, or the job has ended.</summary>
    public static async ValueTask<bool> AdvanceAsync(
        PostgresTransaction transaction, Guid id, MetadataTotals more, string from, string to) =>
        await transaction.Connection.ExecuteAsync(
            new NpgsqlBatchCommand(
                "UPDATE jobs SET updated = $1, files = files + $2, directories = directories + $3, bytes = bytes + $4, "
                    + "physical = physical + $5, place = $7 WHERE id = $6 AND state = 0 AND place = $8")
                .With(NpgsqlDbType.Bigint, transaction.Now)
                .With(NpgsqlDbType.Bigint, more.Files)
                .With(NpgsqlDbType.Bigint, more.Directories)
                .With(NpgsqlDbType.Bigint, more.Bytes)
                .With(NpgsqlDbType.Bigint, more.PhysicalBytes)
                .With(NpgsqlDbType.Uuid, id)
                .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(to))
                .With(NpgsqlDbType.Bytea, Encoding.UTF8.GetBytes(from))).ConfigureAwait(false) > 0;

    /// <summary>Ends a running job; false when it was none.</summary>
    public static async ValueTask<bool> EndAsync(
        PostgresTransaction transaction, Guid id, MetadataJobState state, TimeSpan retention, string? problem = null) =>
        await transaction.Connection.ExecuteAsync(
            new NpgsqlBatchCommand(
                "UPDATE jobs SET updated = $1, state = $2, keep_until = $3, problem = $5 WHERE id = $4 AND state = 0")
                .With(NpgsqlDbType.Bigint, transaction.Now)
                .With(NpgsqlDbType.Integer, (int)state)
                .With(NpgsqlDbType.Bigint, transaction.Now + retention.Ticks)
                .With(NpgsqlDbType.Uuid, id)
                .With(NpgsqlDbType.Bytea, problem is null ? DBNull.Value : (object)Encoding.UTF8.GetBytes(problem)))
            .ConfigureAwait(false) > 0;

    private static PostgresJob Row(NpgsqlDataReader row) => new(
        new MetadataJob
        {
            Id = row.GetGuid(0),
            Kind = (MetadataJobKind)row.GetInt32(1),
            State = (MetadataJobState)row.GetInt32(2),
            Started = new DateTimeOffset(row.GetInt64(3), TimeSpan.Zero),
            Updated = new DateTimeOffset(row.GetInt64(4), TimeSpan.Zero),
            Totals = new MetadataTotals(row.GetInt64(6), row.GetInt64(7), row.GetInt64(8), row.GetInt64(9)),
            Path = BigFsPath.Parse(Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(10))),
            Problem = row.IsDBNull(12) ? null : Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(12)),
        },
        row.GetInt64(5),
        Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(11)),
        row.GetInt64(13));
}

/// <summary>A job, the directory it works on, the place that it has reached below that, and until when it is kept.</summary>
internal sealed record PostgresJob(MetadataJob Job, long Directory, string Place, long KeepUntil);
