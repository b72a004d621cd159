using System.Diagnostics;
using System.Globalization;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Persistence.Sqlite;

namespace BigFs.Benchmarks.Metadata;

/// <summary>
/// The rows of a create written by hand: one connection, prepared statements, nothing looked up, as many creates in a
/// transaction as the namespace's writer would find waiting, the same durability.
/// </summary>
internal sealed class ReferenceRows : IDisposable
{
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _begin, _commit, _entry, _owner, _operation;
    private long _version = DateTime.UtcNow.Ticks;
    private long _key = 1L << 41;

    private ReferenceRows(string folder)
    {
        _database = SqliteDatabase.Open(SqliteMetadataSchema.Database(folder));
        _begin = new SqliteStatement(_database.Connection, "BEGIN IMMEDIATE");
        _commit = new SqliteStatement(_database.Connection, "COMMIT");
        _entry = new SqliteStatement(
            _database.Connection,
            "INSERT INTO entries (parent, created, modified, version, size, crc, replicas, chunks, name, manifest) "
                + "VALUES (?1, ?2, ?2, ?3, 4096, 7, 2, 1, ?4, ?5)");
        _owner = new SqliteStatement(_database.Connection, "INSERT INTO chunk_owners (key, version) VALUES (?1, ?2)");
        _operation = new SqliteStatement(
            _database.Connection, "INSERT INTO operations (kind, keep_until, id, answer) VALUES (4, ?1, ?2, zeroblob(28))");
    }

    /// <summary>Creates for a while; per second.</summary>
    public static double Run(string folder, int callers, TimeSpan span)
    {
        using var rows = new ReferenceRows(folder);
        long done = 0;
        var clock = Stopwatch.StartNew();
        for (long i = 0; clock.Elapsed < span; i++)
        {
            rows._begin.Run();
            for (int caller = 0; caller < callers; caller++)
            {
                rows.Add(1000 + caller, i, withOperation: true);
            }

            rows._commit.Run();
            done += callers;
        }

        return done / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Fills a directory below the root, which it makes.</summary>
    public static void Fill(string folder, string name, long count, bool synchronous) =>
        Fill(folder, [(name, count)], synchronous);

    /// <summary>Fills directories below the root, which it makes.</summary>
    public static void Fill(string folder, IEnumerable<(string Name, long Count)> directories, bool synchronous)
    {
        using var rows = new ReferenceRows(folder);
        if (!synchronous)
        {
            using var off = new SqliteStatement(rows._database.Connection, "PRAGMA synchronous = OFF");
            off.Run();
        }

        using var directory = new SqliteStatement(
            rows._database.Connection, "INSERT INTO entries (parent, id, created, modified, name) VALUES (1, ?1, 1, 1, ?2)");
        foreach ((string name, long count) in directories)
        {
            long id = Random.Shared.NextInt64(2, long.MaxValue);
            rows._begin.Run();
            directory.Bind(id).Name(2, name).Run();
            for (long i = 0; i < count; i++)
            {
                rows.Add(id, i, withOperation: false);
                if (i % 10_000 == 9_999)
                {
                    rows._commit.Run();
                    rows._begin.Run();
                }
            }

            rows._commit.Run();
        }
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in (SqliteStatement[])[_begin, _commit, _entry, _owner, _operation])
        {
            statement.Dispose();
        }

        _database.Dispose();
    }

    private void Add(long parent, long number, bool withOperation)
    {
        long now = DateTime.UtcNow.Ticks, version = ++_version, key = ++_key;
        byte[] name = Encoding.UTF8.GetBytes(number.ToString("0000000", CultureInfo.InvariantCulture));
        byte[] manifest = ManifestCodec.Encode(
            [new ChunkReference(new VolumeId(1 + (key % 8)), new ChunkKey((ulong)key), 4096, 7)]);
        _entry.Bind(parent, now, version).Blob(4, name).Blob(5, manifest).Run();
        _owner.Bind(key, version).Run();
        if (withOperation)
        {
            _operation.Bind(now + TimeSpan.TicksPerHour).Blob(2, Guid.CreateVersion7().ToByteArray(bigEndian: true)).Run();
        }
    }
}
