using System.Collections.Immutable;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>What becomes of tombstones, inside the writer's transaction.</summary>
internal sealed class SqliteTombstones(
    SqliteConnection connection, SqliteMetadataClock clock, SqliteChunkOwners owners) : IDisposable
{
    private readonly SqliteStatement _remove = new(connection, "DELETE FROM tombstones WHERE id = ?1 RETURNING key");
    private readonly SqliteStatement _postpone = new(connection, "UPDATE tombstones SET due = ?1 WHERE id = ?2");

    /// <summary>Forgets them; how many there were.</summary>
    public int Confirm(ImmutableArray<long> ids)
    {
        int removed = 0;
        foreach (long id in ids)
        {
            if (_remove.Bind(id).Single() is { } key)
            {
                owners.Forget(key);
                removed++;
            }
        }

        return removed;
    }

    /// <summary>Makes them due later; how many there were.</summary>
    public int Postpone(ImmutableArray<long> ids, TimeSpan delay)
    {
        long due = clock.Now() + delay.Ticks;
        int postponed = 0;
        foreach (long id in ids)
        {
            postponed += _postpone.Bind(due, id).Run();
        }

        return postponed;
    }

    public void Dispose()
    {
        _remove.Dispose();
        _postpone.Dispose();
    }
}
