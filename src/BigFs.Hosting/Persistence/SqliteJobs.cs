using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The jobs' rows, read and written on one connection. A job's row is also the record of the operation that began it, for
/// the retention after its end.
/// </summary>
internal sealed class SqliteJobs : IDisposable
{
    private const int MostListed = 1000;

    private const string Columns =
        "id, kind, state, started, updated, directory, files, directories, bytes, physical, path, place, problem";

    private readonly SqliteStatement _find, _list, _add, _advance, _end, _running;
    private readonly TimeSpan _retention;

    public SqliteJobs(SqliteConnection connection, TimeSpan retention)
    {
        _retention = retention;
        _find = new SqliteStatement(connection, $"SELECT {Columns} FROM jobs WHERE id = ?1");
        _list = new SqliteStatement(connection, $"SELECT {Columns} FROM jobs ORDER BY started DESC, id LIMIT ?1");
        _running = new SqliteStatement(
            connection, $"SELECT {Columns} FROM jobs WHERE state = 0 AND kind = ?1 ORDER BY updated LIMIT 1");
        _add = new SqliteStatement(
            connection,
            "INSERT INTO jobs (kind, state, keep_until, started, updated, directory, id, path, place) "
                + "VALUES (?1, 0, ?2, ?3, ?3, ?4, ?5, ?6, x'')");

        // A step counts from the place that it was read at, or not at all.
        _advance = new SqliteStatement(
            connection,
            "UPDATE jobs SET updated = ?1, files = files + ?2, directories = directories + ?3, bytes = bytes + ?4, "
                + "physical = physical + ?5, place = ?7 WHERE id = ?6 AND state = 0 AND place = ?8");
        _end = new SqliteStatement(
            connection, "UPDATE jobs SET updated = ?1, state = ?2, keep_until = ?3, problem = ?5 WHERE id = ?4 AND state = 0");
    }

    /// <summary>A job; null when it is not known.</summary>
    public SqliteJob? Find(Guid id)
    {
        Span<byte> key = stackalloc byte[16];
        SqliteJob? job = _find.Bind().Blob(1, Key(id, key)).Step() ? Row(_find) : null;
        _find.Reset();
        return job;
    }

    /// <summary>All jobs, newest first.</summary>
    public ImmutableArray<MetadataJob> List()
    {
        var jobs = ImmutableArray.CreateBuilder<MetadataJob>();
        _list.Bind(MostListed);
        while (_list.Step())
        {
            jobs.Add(Row(_list).Job);
        }

        return jobs.DrainToImmutable();
    }

    /// <summary>The running job of a kind that got on longest ago.</summary>
    public SqliteJob? Running(MetadataJobKind kind)
    {
        SqliteJob? job = _running.Bind((long)kind).Step() ? Row(_running) : null;
        _running.Reset();
        return job;
    }

    /// <summary>Begins a job.</summary>
    public void Add(Guid id, MetadataJobKind kind, long directory, BigFsPath path, long now)
    {
        Span<byte> key = stackalloc byte[16];
        _add.Bind((long)kind, long.MaxValue, now, directory)
            .Blob(5, Key(id, key)).Blob(6, Encoding.UTF8.GetBytes(path.ToString())).Run();
    }

    /// <summary>Adds what a step counted; false when another step came before it, or the job has ended.</summary>
    public bool Advance(Guid id, MetadataTotals more, string from, string to, long now)
    {
        Span<byte> key = stackalloc byte[16];
        return _advance.Bind(now, more.Files, more.Directories, more.Bytes, more.PhysicalBytes)
            .Blob(6, Key(id, key))
            .Blob(7, Encoding.UTF8.GetBytes(to))
            .Blob(8, Encoding.UTF8.GetBytes(from))
            .Run() > 0;
    }

    /// <summary>Ends a running job; false when it was none.</summary>
    public bool End(Guid id, MetadataJobState state, long now, string? problem = null)
    {
        Span<byte> key = stackalloc byte[16];
        _end.Bind(now, (long)state, now + _retention.Ticks).Blob(4, Key(id, key));
        _ = problem is null ? _end.Null(5) : _end.Blob(5, Encoding.UTF8.GetBytes(problem));
        return _end.Run() > 0;
    }

    /// <summary>An id as it is stored.</summary>
    public static ReadOnlySpan<byte> Key(Guid id, Span<byte> bytes)
    {
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return bytes;
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in (SqliteStatement[])[_find, _list, _add, _advance, _end, _running])
        {
            statement.Dispose();
        }
    }

    private static SqliteJob Row(SqliteStatement row) => new(
        new MetadataJob
        {
            Id = new Guid(row.Bytes(0), bigEndian: true),
            Kind = (MetadataJobKind)row.Long(1),
            State = (MetadataJobState)row.Long(2),
            Started = new DateTimeOffset(row.Long(3), TimeSpan.Zero),
            Updated = new DateTimeOffset(row.Long(4), TimeSpan.Zero),
            Totals = new MetadataTotals(row.Long(6), row.Long(7), row.Long(8), row.Long(9)),
            Path = BigFsPath.Parse(row.Text(10)),
            Problem = row.IsNull(12) ? null : row.Text(12),
        },
        row.Long(5),
        row.Text(11));
}

/// <summary>A job, the directory it works on, and the place that it has reached below that.</summary>
internal sealed record SqliteJob(MetadataJob Job, long Directory, string Place);
