using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// What a check has to sort and compare, in a private database in the system's folder for temporary files, which is gone
/// with this object: so memory stays bounded however much there is. Not thread-safe.
/// </summary>
internal sealed class CheckScratch : IDisposable
{
    /// <summary>Page cache in KiB; what is beyond goes to the file.</summary>
    private const int CacheKiB = 32 << 10;

    // Keys are unsigned and the columns signed: with the upper bit turned the order is that of the keys.
    private const ulong UpperBit = 1UL << 63;

    private const string Schema =
        """
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
        CREATE TABLE directories (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL);
        CREATE TABLE parents (id INTEGER PRIMARY KEY);
        CREATE TABLE dead (id INTEGER PRIMARY KEY);
        CREATE TABLE refs (volume INTEGER NOT NULL, key INTEGER NOT NULL, length INTEGER NOT NULL, crc INTEGER NOT NULL,
            version INTEGER NOT NULL);
        CREATE TABLE missing (volume INTEGER NOT NULL, key INTEGER NOT NULL, replicas INTEGER NOT NULL,
            PRIMARY KEY (volume, key)) WITHOUT ROWID;
        CREATE TABLE unnamed (volume INTEGER NOT NULL, key INTEGER NOT NULL, node BLOB NOT NULL);
        """;

    private const string Reachable =
        """
        WITH RECURSIVE reached (id) AS (
            SELECT ?1 UNION SELECT id FROM dead UNION
            SELECT d.id FROM reached r JOIN directories d ON d.parent = r.id)
        SELECT id FROM directories WHERE id NOT IN (SELECT id FROM reached) ORDER BY id LIMIT ?2
        """;

    private readonly SqliteConnection _connection;
    private readonly List<SqliteStatement> _statements = [];
    private readonly SqliteStatement _addDirectory, _addParent, _addDead, _addRef, _addMissing, _addUnnamed;
    private long _lastParent = -1;
    private bool _isLoading = true;

    public CheckScratch()
    {
        Batteries_V2.Init();
        _connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = "", Pooling = false }.ToString());
        _connection.Open();
        Execute(Schema);
        Execute($"PRAGMA cache_size = -{CacheKiB}");
        _addDirectory = Prepare("INSERT OR REPLACE INTO directories (id, parent) VALUES (?1, ?2)");
        _addParent = Prepare("INSERT OR IGNORE INTO parents (id) VALUES (?1)");
        _addDead = Prepare("INSERT OR IGNORE INTO dead (id) VALUES (?1)");
        _addRef = Prepare("INSERT INTO refs (volume, key, length, crc, version) VALUES (?1, ?2, ?3, ?4, ?5)");
        _addMissing = Prepare(
            "INSERT INTO missing (volume, key, replicas) VALUES (?1, ?2, 1) "
                + "ON CONFLICT (volume, key) DO UPDATE SET replicas = replicas + 1");
        _addUnnamed = Prepare("INSERT INTO unnamed (volume, key, node) VALUES (?1, ?2, ?3)");
        Execute("BEGIN");
    }

    /// <summary>A directory and where it stands.</summary>
    public void AddDirectory(long id, long parent) => _addDirectory.Bind(id, parent).Run();

    /// <summary>Something stands in this directory.</summary>
    public void AddParent(long id)
    {
        if (id != _lastParent)
        {
            _addParent.Bind(id).Run();
            _lastParent = id;
        }
    }

    /// <summary>A directory out of sight, whose entries still have to go.</summary>
    public void AddDead(long id) => _addDead.Bind(id).Run();

    /// <summary>A file names this chunk.</summary>
    public void AddReference(ChunkReference chunk, BigFsVersion version) =>
        _addRef.Bind(chunk.Volume.Value, Ordered(chunk.Key), chunk.Length, chunk.Crc32C, (long)version.Value).Run();

    /// <summary>Ends the loading of names: from now on they are asked for.</summary>
    public void Sort()
    {
        if (_isLoading)
        {
            _isLoading = false;
            Execute("COMMIT; CREATE INDEX by_chunk ON refs (volume, key, length, crc); "
                + "CREATE INDEX by_owner ON refs (key, version); CREATE INDEX by_parent ON directories (parent)");
            Execute("BEGIN");
        }
    }

    /// <summary>Ids of directories that neither the root nor a directory out of sight leads to, at most so many.</summary>
    public ImmutableArray<long> Unreachable(long root, int limit) => Longs(Reachable, root, limit);

    /// <summary>Ids of directories in which something stands and that are not there, at most so many.</summary>
    public ImmutableArray<long> MissingParents(int limit) => Longs(
        "SELECT id FROM parents WHERE id <> ?1 AND id NOT IN (SELECT id FROM directories) AND id NOT IN (SELECT id FROM dead) "
            + "ORDER BY id LIMIT ?2",
        SqliteMetadataSchema.AboveRoot,
        limit);

    /// <summary>The volumes that files name, ascending.</summary>
    public ImmutableArray<long> Volumes() => Longs("SELECT DISTINCT volume FROM refs WHERE ?1 < ?2 ORDER BY volume", 0, 1);

    /// <summary>The chunks of a volume that files name, by key, each once for each file; the statement is open meanwhile.</summary>
    public IEnumerable<StoredReference> References(VolumeId volume)
    {
        using var select = new SqliteStatement(
            _connection, "SELECT key, length, crc FROM refs WHERE volume = ?1 ORDER BY key");
        select.Bind(volume.Value);
        while (select.Step())
        {
            yield return new StoredReference(Key(select.Long(0)), (int)select.Long(1), (uint)select.Long(2));
        }
    }

    /// <summary>
    /// What the index of owners should hold, in its order: by key as a signed number, then by version. The statement is open
    /// meanwhile.
    /// </summary>
    public IEnumerable<InspectedOwner> Owners()
    {
        InspectedOwner? last = null;
        foreach (string half in (string[])["key >= 0", "key < 0"])
        {
            // Keys lie here with the upper bit turned: what is negative as a signed number comes in the first half.
            using var select = new SqliteStatement(
                _connection, $"SELECT key, version FROM refs WHERE {half} ORDER BY key, version");
            while (select.Step())
            {
                var owner = new InspectedOwner(Key(select.Long(0)), new BigFsVersion((ulong)select.Long(1)));
                if (owner != last)
                {
                    yield return owner;
                    last = owner;
                }
            }
        }
    }

    /// <summary>A replica lacks the chunk.</summary>
    public void AddMissing(VolumeId volume, ChunkKey key) => _addMissing.Bind(volume.Value, Ordered(key)).Run();

    /// <summary>The chunks of a volume that so many replicas lack, by key.</summary>
    public ImmutableArray<ChunkKey> Missing(VolumeId volume, int replicas)
    {
        using var select = new SqliteStatement(
            _connection, "SELECT key FROM missing WHERE volume = ?1 AND replicas >= ?2 ORDER BY key");
        select.Bind(volume.Value, replicas);
        var keys = ImmutableArray.CreateBuilder<ChunkKey>();
        while (select.Step())
        {
            keys.Add(Key(select.Long(0)));
        }

        return keys.DrainToImmutable();
    }

    /// <summary>A replica holds a chunk that no file was seen to name.</summary>
    public void AddUnnamed(VolumeId volume, ChunkKey key, NodeId node) =>
        _addUnnamed.Bind(volume.Value, Ordered(key)).Blob(3, node.Value.ToByteArray(bigEndian: true)).Run();

    /// <summary>Those chunks in the order in which they were found, after a row number; each with its number.</summary>
    public ImmutableArray<(long Row, VolumeId Volume, ChunkKey Key, NodeId Node)> Unnamed(long after, int limit)
    {
        using var select = new SqliteStatement(
            _connection, "SELECT rowid, volume, key, node FROM unnamed WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
        select.Bind(after, limit);
        var rows = ImmutableArray.CreateBuilder<(long, VolumeId, ChunkKey, NodeId)>();
        while (select.Step())
        {
            rows.Add((
                select.Long(0),
                new VolumeId(select.Long(1)),
                Key(select.Long(2)),
                new NodeId(new Guid(select.Bytes(3), bigEndian: true))));
        }

        return rows.DrainToImmutable();
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in _statements)
        {
            statement.Dispose();
        }

        _connection.Dispose();
    }

    private static long Ordered(ChunkKey key) => unchecked((long)(key.Value ^ UpperBit));

    private static ChunkKey Key(long ordered) => new(unchecked((ulong)ordered) ^ UpperBit);

    private ImmutableArray<long> Longs(string sql, long first, long second)
    {
        using var select = new SqliteStatement(_connection, sql);
        select.Bind(first, second);
        var found = ImmutableArray.CreateBuilder<long>();
        while (select.Step())
        {
            found.Add(select.Long(0));
        }

        return found.DrainToImmutable();
    }

    private SqliteStatement Prepare(string sql)
    {
        var statement = new SqliteStatement(_connection, sql);
        _statements.Add(statement);
        return statement;
    }

    private void Execute(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

/// <summary>A chunk as a file names it.</summary>
internal readonly record struct StoredReference(ChunkKey Key, int Length, uint Crc32C);
