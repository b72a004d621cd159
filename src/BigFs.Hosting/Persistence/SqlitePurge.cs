using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// What may follow later, a little at a time, inside the writer's transaction: the entries of deleted directories, the
/// tombstones of long manifests, answers past their retention. All of it is in tables, so a restart goes on.
/// </summary>
internal sealed class SqlitePurge : IDisposable
{
    private const int RowsPerStep = 256;

    private readonly SqliteEntryReader _reader;
    private readonly SqliteEntryWriter _writer;
    private readonly SqliteMetadataClock _clock;
    private readonly SqliteStatement _directory, _children, _removeChild, _directoryDone;
    private readonly SqliteStatement _manifest, _lastPage, _removePage, _manifestDone;
    private readonly SqliteStatement _pruneSessions, _pruneOperations;

    public SqlitePurge(
        SqliteConnection connection, SqliteEntryReader reader, SqliteEntryWriter writer, SqliteMetadataClock clock)
    {
        (_reader, _writer, _clock) = (reader, writer, clock);
        _directory = new SqliteStatement(connection, "SELECT id, due FROM dead_directories LIMIT 1");
        _children = new SqliteStatement(
            connection, "SELECT name, id, version, manifest FROM entries WHERE parent = ?1 LIMIT ?2");
        _removeChild = new SqliteStatement(connection, "DELETE FROM entries WHERE parent = ?1 AND name = ?2");
        _directoryDone = new SqliteStatement(connection, "DELETE FROM dead_directories WHERE id = ?1");
        _manifest = new SqliteStatement(connection, "SELECT version, due FROM dead_manifests LIMIT 1");
        _lastPage = new SqliteStatement(connection, "SELECT max(page) FROM manifest_pages WHERE version = ?1");
        _removePage = new SqliteStatement(connection, "DELETE FROM manifest_pages WHERE version = ?1 AND page = ?2");
        _manifestDone = new SqliteStatement(connection, "DELETE FROM dead_manifests WHERE version = ?1");
        _pruneSessions = new SqliteStatement(
            connection,
            "DELETE FROM sessions WHERE id IN "
                + "(SELECT id FROM sessions WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)");
        _pruneOperations = new SqliteStatement(
            connection,
            "DELETE FROM operations WHERE id IN "
                + "(SELECT id FROM operations WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)");
    }

    /// <summary>Does some of it; false when nothing is left to do now.</summary>
    public bool Step()
    {
        long now = _clock.Now();
        bool pruned = _pruneSessions.Bind(now, RowsPerStep).Run() == RowsPerStep;
        pruned |= _pruneOperations.Bind(now, RowsPerStep).Run() == RowsPerStep;
        return StepManifest() | StepDirectory() | pruned;
    }

    public void Dispose()
    {
        SqliteStatement[] all =
        [
            _directory, _children, _removeChild, _directoryDone, _manifest, _lastPage, _removePage, _manifestDone,
            _pruneSessions, _pruneOperations,
        ];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private bool StepManifest()
    {
        if (!_manifest.Bind().Step())
        {
            return false;
        }

        (long version, long due) = (_manifest.Long(0), _manifest.Long(1));
        _manifest.Reset();
        if (_lastPage.Bind(version).Single() is { } page)
        {
            ImmutableArray<ChunkReference> chunks = _reader.Page(version, page)!.Value;
            _writer.AddTombstones(chunks, due);
            _removePage.Bind(version, page).Run();
        }
        else
        {
            _manifestDone.Bind(version).Run();
        }

        return true;
    }

    private bool StepDirectory()
    {
        if (!_directory.Bind().Step())
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
            else
            {
                _writer.BuryFile(child, due);
            }

            _removeChild.Bind(directory).Name(2, child.Name).Run();
        }

        if (children.Count < RowsPerStep)
        {
            _directoryDone.Bind(directory).Run();
        }

        return true;
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
            });
        }

        return children;
    }
}
