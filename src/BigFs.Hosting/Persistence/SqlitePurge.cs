using System.Collections.Immutable;
using BigFs.Core.Faults;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// What may follow later, a little at a time, inside the writer's transaction: the entries of deleted directories, the
/// tombstones of long manifests, answers past their retention. All of it is in tables, so a restart goes on. What cannot
/// be read is set aside, so that the rest goes on; it stays in the tables.
/// </summary>
internal sealed partial class SqlitePurge : IDisposable
{
    private const int RowsPerStep = 256;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly SqliteEntryReader _reader;
    private readonly SqliteEntryWriter _writer;
    private readonly SqliteMetadataClock _clock;
    private readonly SqliteStatement _directory, _children, _removeChild, _directoryDone;
    private readonly SqliteStatement _manifest, _lastPage, _removePage, _manifestDone;
    private readonly SqliteStatement _manifestAside, _directoryAside;
    private readonly SqliteStatement _pruneSessions, _pruneOperations;
    private readonly ILogger _logger;

    public SqlitePurge(
        SqliteConnection connection, SqliteEntryReader reader, SqliteEntryWriter writer, SqliteMetadataClock clock,
        ILogger logger)
    {
        (_reader, _writer, _clock, _logger) = (reader, writer, clock, logger);
        _directory = new SqliteStatement(connection, "SELECT id, due FROM dead_directories WHERE due < ?1 LIMIT 1");
        _children = new SqliteStatement(
            connection, "SELECT name, id, version, manifest, content FROM entries WHERE parent = ?1 LIMIT ?2");
        _removeChild = new SqliteStatement(connection, "DELETE FROM entries WHERE parent = ?1 AND name = ?2");
        _directoryDone = new SqliteStatement(connection, "DELETE FROM dead_directories WHERE id = ?1");
        _manifest = new SqliteStatement(connection, "SELECT version, due FROM dead_manifests WHERE due < ?1 LIMIT 1");
        _lastPage = new SqliteStatement(connection, "SELECT max(page) FROM manifest_pages WHERE version = ?1");
        _removePage = new SqliteStatement(connection, "DELETE FROM manifest_pages WHERE version = ?1 AND page = ?2");
        _manifestDone = new SqliteStatement(connection, "DELETE FROM dead_manifests WHERE version = ?1");
        _manifestAside = new SqliteStatement(connection, "UPDATE dead_manifests SET due = ?1 WHERE version = ?2");
        _directoryAside = new SqliteStatement(connection, "UPDATE dead_directories SET due = ?1 WHERE id = ?2");
        _pruneSessions = new SqliteStatement(
            connection,
            "DELETE FROM sessions WHERE id IN "
                + "(SELECT id FROM sessions WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)");
        _pruneOperations = new SqliteStatement(
            connection,
            "DELETE FROM operations WHERE id IN "
                + "(SELECT id FROM operations WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)");
    }

    /// <summary>Clears away some of what is deleted; false when nothing is left to do now.</summary>
    public bool Step() => StepManifest() | StepDirectory();

    /// <summary>Forgets some answers past their retention; false when nothing is left to do now.</summary>
    public bool Prune()
    {
        long now = _clock.Now();
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

        return sessions == RowsPerStep || operations == RowsPerStep;
    }

    public void Dispose()
    {
        SqliteStatement[] all =
        [
            _directory, _children, _removeChild, _directoryDone, _manifest, _lastPage, _removePage, _manifestDone,
            _manifestAside, _directoryAside, _pruneSessions, _pruneOperations,
        ];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private bool StepManifest()
    {
        if (!_manifest.Bind(Aside).Step())
        {
            return false;
        }

        (long version, long due) = (_manifest.Long(0), _manifest.Long(1));
        _manifest.Reset();
        if (_lastPage.Bind(version).Single() is { } page)
        {
            ImmutableArray<ChunkReference> chunks;
            try
            {
                chunks = _reader.Page(version, page)!.Value;
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
            {
                _manifestAside.Bind(Aside, version).Run();
                LogManifestAside(version, page, exception);
                return true;
            }

            _writer.AddTombstones(chunks, due);
            CrashPoint.Reach("purge.before-page-goes");
            _removePage.Bind(version, page).Run();
        }
        else
        {
            _manifestDone.Bind(version).Run();
            CrashPoint.Reach("purge.after-manifest");
        }

        return true;
    }

    private bool StepDirectory()
    {
        if (!_directory.Bind(Aside).Step())
        {
            return false;
        }

        (long directory, long due) = (_directory.Long(0), _directory.Long(1));
        _directory.Reset();
        List<SqliteEntryRow> children = Children(directory);
        foreach (SqliteEntryRow child in children)
        {
            if (child.Id is { } id)
            {
                _writer.BuryDirectory(id, due);
            }
            else if (!TryBury(child, due))
            {
                _directoryAside.Bind(Aside, directory).Run();
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

        return true;
    }

    /// <summary>False, and nothing is written, when the file's manifest cannot be read.</summary>
    private bool TryBury(SqliteEntryRow file, long due)
    {
        try
        {
            _writer.BuryFile(file, due);
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
            });
        }

        return children;
    }

    [LoggerMessage(
        EventId = 3222,
        Level = LogLevel.Error,
        Message = "Page {Page} of the deleted manifest {Version} cannot be read: it is set aside, and its chunks stay on the datanodes")]
    private partial void LogManifestAside(long version, long page, Exception exception);

    [LoggerMessage(
        EventId = 3223,
        Level = LogLevel.Error,
        Message = "The manifest of \"{Name}\" in the deleted directory {Directory} cannot be read: the directory is set aside, and the chunks of what is left in it stay on the datanodes")]
    private partial void LogDirectoryAside(long directory, string name, Exception exception);
}
