using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// What may follow later, a little at a time, inside the writer's transaction: the entries of deleted directories, answers
/// past their retention. All of it is in tables, so a restart goes on. What cannot be read is set aside, so that the rest
/// goes on; it stays in the tables.
/// </summary>
internal sealed partial class SqlitePurge : IDisposable
{
    private const int RowsPerStep = 256;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly SqliteEntryWriter _writer;
    private readonly SqliteJobs _jobs;
    private readonly SqliteMetadataClock _clock;
    private readonly SqliteStatement _directory, _children, _removeChild, _directoryDone, _directoryAside, _anyOfJob;
    private readonly SqliteStatement _anyLease, _lease, _removeLease;
    private readonly SqliteStatement _staged, _pruneSessions, _pruneOperations, _pruneJobs;
    private readonly ILogger _logger;

    public SqlitePurge(
        SqliteConnection connection, SqliteEntryWriter writer, SqliteJobs jobs, SqliteMetadataClock clock, ILogger logger)
    {
        (_writer, _jobs, _clock, _logger) = (writer, jobs, clock, logger);
        _directory = new SqliteStatement(connection, "SELECT id, due, job FROM dead_directories WHERE due < ?1 LIMIT 1");
        _children = new SqliteStatement(
            connection,
            "SELECT name, id, version, manifest, content, chunks, size, replicas FROM entries WHERE parent = ?1 LIMIT ?2");
        _removeChild = new SqliteStatement(connection, "DELETE FROM entries WHERE parent = ?1 AND name = ?2");
        _directoryDone = new SqliteStatement(connection, "DELETE FROM dead_directories WHERE id = ?1");
        _directoryAside = new SqliteStatement(connection, "UPDATE dead_directories SET due = ?1 WHERE id = ?2");
        _anyOfJob = new SqliteStatement(connection, "SELECT 1 FROM dead_directories WHERE job = ?1 LIMIT 1");
        _anyLease = new SqliteStatement(connection, "SELECT 1 FROM leases LIMIT 1");
        _lease = new SqliteStatement(connection, "SELECT until FROM leases WHERE version = ?1");
        _removeLease = new SqliteStatement(connection, "DELETE FROM leases WHERE version = ?1");

        // What an upload staged that was neither committed nor aborted: nobody can commit it any more.
        _staged = new SqliteStatement(
            connection,
            "SELECT staged_version, staged FROM sessions WHERE id IN "
                + "(SELECT id FROM sessions WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2) AND state = 0 AND staged > 0");
        _pruneSessions = new SqliteStatement(connection, Prune("sessions"));
        _pruneOperations = new SqliteStatement(connection, Prune("operations"));
        _pruneJobs = new SqliteStatement(connection, Prune("jobs"));
    }

    /// <summary>Clears away some of what deleted directories held; false when nothing is left to do now.</summary>
    public bool Step()
    {
        if (!_directory.Bind(Aside).Step())
        {
            return false;
        }

        (long directory, long due) = (_directory.Long(0), _directory.Long(1));
        byte[] job = _directory.IsNull(2) ? [] : _directory.Bytes(2).ToArray();
        _directory.Reset();
        bool leased = _anyLease.Bind().Single() is not null;
        MetadataTotals cleared = default;
        List<SqliteEntryRow> children = Children(directory);
        foreach (SqliteEntryRow child in children)
        {
            if (child.Id is { } id)
            {
                _writer.BuryDirectory(id, due, job);
                cleared = cleared with { Directories = cleared.Directories + 1 };
            }
            else if (CanBury(child))
            {
                _writer.BuryFile(child, leased ? TakeLease(child.Version, due) : due);
                cleared = cleared.WithFile(child.Size, child.Replicas, child.IsInline);
            }
            else
            {
                _directoryAside.Bind(Aside, directory).Run();
                Note(job, cleared, "A manifest of what was deleted cannot be read; the rest of its directory is set aside.");
                return true;
            }

            CrashPoint.Reach("purge.before-entry-goes");
            _removeChild.Bind(directory).Name(2, child.Name).Run();
        }

        if (children.Count < RowsPerStep)
        {
            _directoryDone.Bind(directory).Run();
            CrashPoint.Reach("purge.after-directory");
        }

        Note(job, cleared, null);
        return true;
    }

    /// <summary>Forgets some answers past their retention; false when nothing is left to do now.</summary>
    public bool Prune()
    {
        long now = _clock.Now();
        var staged = new List<(long Version, int Chunks)>();
        _staged.Bind(now, RowsPerStep);
        while (_staged.Step())
        {
            staged.Add((_staged.Long(0), (int)_staged.Long(1)));
        }

        foreach ((long version, int chunks) in staged)
        {
            _writer.BuryVersion(version, now, chunks, null);
        }

        int sessions = _pruneSessions.Bind(now, RowsPerStep).Run();
        if (sessions > 0)
        {
            CrashPoint.Reach("expiry.after-sessions");
        }

        int operations = _pruneOperations.Bind(now, RowsPerStep).Run();
        if (operations > 0)
        {
            CrashPoint.Reach("expiry.after-operations");
        }

        int jobs = _pruneJobs.Bind(now, RowsPerStep).Run();
        return sessions == RowsPerStep || operations == RowsPerStep || jobs == RowsPerStep;
    }

    public void Dispose()
    {
        SqliteStatement[] all =
        [
            _directory, _children, _removeChild, _directoryDone, _directoryAside, _anyOfJob, _anyLease, _lease, _removeLease,
            _staged, _pruneSessions, _pruneOperations, _pruneJobs,
        ];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private static string Prune(string table) =>
        $"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";

    private void Note(ReadOnlySpan<byte> job, MetadataTotals cleared, string? problem)
    {
        if (job.IsEmpty)
        {
            return;
        }

        var id = new Guid(job, bigEndian: true);
        long now = _clock.Now();
        _jobs.Advance(id, cleared, "", "", now);
        if (problem is not null)
        {
            _jobs.End(id, MetadataJobState.Failed, now, problem);
        }
        else if (_anyOfJob.Bind().Blob(1, job).Single() is null)
        {
            _jobs.End(id, MetadataJobState.Done, now);
        }
    }

    private long TakeLease(long version, long due)
    {
        long until = _lease.Bind(version).Single() ?? 0;
        if (until > 0)
        {
            _removeLease.Bind(version).Run();
        }

        return Math.Max(due, until);
    }

    private bool CanBury(SqliteEntryRow file)
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

    private List<SqliteEntryRow> Children(long directory)
    {
        _children.Bind(directory, RowsPerStep);
        var children = new List<SqliteEntryRow>();
        while (_children.Step())
        {
            children.Add(new SqliteEntryRow
            {
                Parent = directory,
                Name = _children.Text(0),
                Id = _children.IsNull(1) ? null : _children.Long(1),
                Version = _children.Long(2),
                Manifest = _children.IsNull(3) ? null : _children.Bytes(3).ToArray(),
                Content = _children.IsNull(4) ? null : _children.Long(4),
                Chunks = (int)_children.Long(5),
                Size = _children.Long(6),
                Replicas = (int)_children.Long(7),
            });
        }

        return children;
    }

    [LoggerMessage(
        EventId = 3223,
        Level = LogLevel.Error,
        Message = "The manifest of \"{Name}\" in the deleted directory {Directory} cannot be read: the directory is set aside, and the chunks of what is left in it stay on the datanodes")]
    private partial void LogDirectoryAside(long directory, string name, Exception exception);
}
