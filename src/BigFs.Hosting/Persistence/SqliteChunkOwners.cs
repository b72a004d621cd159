using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Which versions name a chunk, inside the writer's transaction. The last owner's removal makes the tombstone, and marks the
/// chunk by the owner 0 until the deletion is confirmed: a marked chunk gains no owner.
/// </summary>
internal sealed class SqliteChunkOwners : IDisposable
{
    private readonly SqliteStatement _own, _isDeleted, _disown, _isKnown, _mark, _unmark, _addTombstone;

    public SqliteChunkOwners(SqliteConnection connection)
    {

        // No owner may be NULL, so the row of a marked chunk is ignored. (INSERT ... SELECT from the same table would make a
        // temporary table each time.)
        _own = new SqliteStatement(
            connection,
            "INSERT OR IGNORE INTO chunk_owners (key, version) VALUES (?1, "
                + "CASE WHEN EXISTS (SELECT 1 FROM chunk_owners WHERE key = ?1 AND version = 0) THEN NULL ELSE ?2 END)");
        _isDeleted = new SqliteStatement(connection, "SELECT 1 FROM chunk_owners WHERE key = ?1 AND version = 0");
        _disown = new SqliteStatement(connection, "DELETE FROM chunk_owners WHERE key = ?1 AND version = ?2");
        _isKnown = new SqliteStatement(connection, "SELECT 1 FROM chunk_owners WHERE key = ?1 LIMIT 1");
        _mark = new SqliteStatement(connection, "INSERT INTO chunk_owners (key, version) VALUES (?1, 0)");
        _unmark = new SqliteStatement(connection, "DELETE FROM chunk_owners WHERE key = ?1 AND version = 0");
        _addTombstone = new SqliteStatement(
            connection, "INSERT INTO tombstones (due, volume, key) VALUES (?1, ?2, ?3)");
    }

    /// <summary>Makes a version an owner of chunks.</summary>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public void Own(ReadOnlySpan<ChunkReference> chunks, long version)
    {
        foreach (ChunkReference chunk in chunks)
        {
            long key = (long)chunk.Key.Value;
            if (_own.Bind(key, version).Run() == 0 && _isDeleted.Bind(key).Single() is not null)
            {
                throw MetadataErrors.ChunkDeleted(chunk);
            }
        }
    }

    /// <summary>
    /// Takes a version's ownership away; chunks that nobody owns then become tombstones. Also for chunks that nobody ever
    /// owned: what belongs to a file is never deleted by those who gave up another.
    /// </summary>
    public void Disown(ReadOnlySpan<ChunkReference> chunks, long version, long due)
    {
        foreach (ChunkReference chunk in chunks)
        {
            long key = (long)chunk.Key.Value;
            if (version != 0)
            {
                _disown.Bind(key, version).Run();
            }

            if (_isKnown.Bind(key).Single() is null)
            {
                _mark.Bind(key).Run();
                CrashPoint.Reach("purge.before-tombstone");
                _ = Canary.SkipTombstones ? 0 : _addTombstone.Bind(due, chunk.Volume.Value, key).Run();
            }
        }
    }

    /// <summary>A chunk's deletion was carried out.</summary>
    public void Forget(long key) => _unmark.Bind(key).Run();

    public void Dispose()
    {
        SqliteStatement[] all = [_own, _isDeleted, _disown, _isKnown, _mark, _unmark, _addTombstone];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }
}
