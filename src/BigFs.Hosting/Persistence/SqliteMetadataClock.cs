using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The database's clock, in UTC ticks: the process's, but never going backward, over restarts too. The highest time seen
/// is kept in the file to within a second (<see cref="Persist"/>), so after a restart with a clock set back it stands
/// still until the process's clock has caught up, at most a second before where it was. Thread-safe to read; persisted by
/// the writer alone.
/// </summary>
internal sealed class SqliteMetadataClock : IDisposable
{
    private readonly TimeProvider _time;
    private readonly SqliteStatement _save;
    private long _highest;
    private long _persisted;

    public SqliteMetadataClock(SqliteConnection connection, TimeProvider time)
    {
        _time = time;
        _save = new SqliteStatement(connection, "INSERT OR REPLACE INTO meta (name, value) VALUES ('clock', ?1)");
        using var load = new SqliteStatement(connection, "SELECT value FROM meta WHERE name = 'clock'");
        _highest = _persisted = load.Bind().Single() ?? 0;
    }

    /// <summary>Now.</summary>
    public long Now()
    {
        long now = _time.GetUtcNow().UtcTicks;
        long highest = Volatile.Read(ref _highest);
        while (now > highest)
        {
            long seen = Interlocked.CompareExchange(ref _highest, now, highest);
            if (seen == highest)
            {
                return now;
            }

            highest = seen;
        }

        return highest;
    }

    /// <summary>Notes the time in the open transaction, when the last note is a second old.</summary>
    public void Persist()
    {
        long now = Now();
        if (now - _persisted >= TimeSpan.TicksPerSecond)
        {
            _save.Bind(now).Run();
            _persisted = now;
        }
    }

    public void Dispose() => _save.Dispose();
}
