using System.Diagnostics;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Microsoft.Data.Sqlite;

namespace BigFs.Faults.Tests;

/// <summary>The rows of a metadata database, read beside its server, and whether they fit together.</summary>
internal sealed class MetadataRows
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly SqliteConnection _connection;
    private readonly List<string> _findings = [];

    private MetadataRows(SqliteConnection connection) => _connection = connection;

    /// <summary>What does not fit, as sentences.</summary>
    public IReadOnlyList<string> Findings => _findings;

    /// <summary>The keys of the chunks that files name.</summary>
    public HashSet<ulong> Named { get; } = [];

    /// <summary>Which chunk belongs to which version, by the index of owners.</summary>
    private HashSet<(ulong Key, long Version)> Owned { get; } = [];

    /// <summary>The keys of the chunks that are to be deleted.</summary>
    public HashSet<ulong> Buried { get; } = [];

    /// <summary>Waits until what was deleted has been cleared away, then reads one state of the database.</summary>
    public static async Task<MetadataRows> ReadWhenPurgedAsync(string directory)
    {
        var text = new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(directory, "metadata.db"),
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
        };
        await using var connection = new SqliteConnection(text.ToString());
        await connection.OpenAsync();
        var rows = new MetadataRows(connection);
        long start = Stopwatch.GetTimestamp();
        while (rows.Count("SELECT (SELECT count(*) FROM dead_directories) + (SELECT count(*) FROM dead_versions)") > 0)
        {
            if (Stopwatch.GetElapsedTime(start) > Deadline)
            {
                rows._findings.Add($"what was deleted is not cleared away within {Deadline}");
                break;
            }

            await Task.Delay(2);
        }

        await using SqliteTransaction state = connection.BeginTransaction(deferred: true);
        rows.Read();
        return rows;
    }

    private void Read()
    {
        ReadTombstones();
        ReadOwners();
        ReadManifests();
        None(
            "SELECT count(*) FROM entries WHERE parent <> 0 AND parent NOT IN (SELECT id FROM entries WHERE id IS NOT NULL) "
                + "AND parent NOT IN (SELECT id FROM dead_directories)",
            "entries lie in no directory");
        None(
            "SELECT count(*) FROM contents WHERE id NOT IN (SELECT content FROM entries WHERE content IS NOT NULL)",
            "contents belong to no entry");
        None(
            "SELECT count(*) FROM entries WHERE content IS NOT NULL AND content NOT IN (SELECT id FROM contents)",
            "entries have lost their content");
        None(
            "SELECT count(*) FROM manifest_pages WHERE version NOT IN (SELECT version FROM entries WHERE version IS NOT NULL) "
                + "AND version NOT IN (SELECT version FROM dead_versions) "
                + "AND version NOT IN (SELECT staged_version FROM sessions WHERE staged_version IS NOT NULL)",
            "pages belong to no manifest");
        None(
            "SELECT count(*) FROM chunk_owners WHERE version = 0 AND key NOT IN (SELECT key FROM tombstones)",
            "chunks are marked as deleted and are to be deleted nowhere");
        None(
            "SELECT count(*) FROM tombstones WHERE key NOT IN (SELECT key FROM chunk_owners WHERE version = 0)",
            "chunks are to be deleted and are not marked so");
        None(
            "SELECT count(*) FROM chunk_owners WHERE version <> 0 AND version NOT IN (SELECT version FROM entries "
                + "WHERE version IS NOT NULL) AND version NOT IN (SELECT staged_version FROM sessions "
                + "WHERE staged_version IS NOT NULL)",
            "chunks have an owner that is gone");
        using SqliteCommand check = Command("PRAGMA quick_check");
        string verdict = (string)check.ExecuteScalar()!;
        if (verdict != "ok")
        {
            _findings.Add($"the database is damaged: {verdict}");
        }
    }

    private void ReadTombstones()
    {
        using SqliteCommand command = Command("SELECT key FROM tombstones");
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            ulong key = (ulong)reader.GetInt64(0);
            if (!Buried.Add(key))
            {
                _findings.Add($"chunk {new ChunkKey(key)} is to be deleted twice");
            }
        }
    }

    private void ReadOwners()
    {
        using SqliteCommand command = Command("SELECT key, version FROM chunk_owners");
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            Owned.Add(((ulong)reader.GetInt64(0), reader.GetInt64(1)));
        }
    }

    private void ReadManifests()
    {
        using SqliteCommand command = Command("SELECT size, version, manifest, content FROM entries WHERE version IS NOT NULL");
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            List<ChunkReference> manifest = reader.IsDBNull(2)
                ? Pages(reader.GetInt64(1))
                : [.. ManifestCodec.Decode(reader.GetFieldValue<byte[]>(2))];
            long size = manifest.Sum(chunk => (long)chunk.Length);
            if (reader.IsDBNull(3) && size != reader.GetInt64(0))
            {
                _findings.Add($"the manifest of version {reader.GetInt64(1):x16} has {size} of {reader.GetInt64(0)} bytes");
            }

            foreach (ChunkReference chunk in manifest)
            {
                if (!Named.Add(chunk.Key.Value) || Buried.Contains(chunk.Key.Value))
                {
                    _findings.Add($"chunk {chunk.Key} belongs to two files, or to one and is to be deleted");
                }

                if (!Owned.Contains((chunk.Key.Value, reader.GetInt64(1))))
                {
                    _findings.Add($"chunk {chunk.Key} does not know that it belongs to version {reader.GetInt64(1):x16}");
                }
            }
        }
    }

    private List<ChunkReference> Pages(long version)
    {
        using SqliteCommand command = Command("SELECT chunks FROM manifest_pages WHERE version = $version ORDER BY page");
        command.Parameters.AddWithValue("$version", version);
        using SqliteDataReader reader = command.ExecuteReader();
        var chunks = new List<ChunkReference>();
        while (reader.Read())
        {
            chunks.AddRange(ManifestCodec.Decode(reader.GetFieldValue<byte[]>(0)));
        }

        return chunks;
    }

    private void None(string sql, string finding)
    {
        long count = Count(sql);
        if (count > 0)
        {
            _findings.Add($"{count} {finding}");
        }
    }

    private long Count(string sql)
    {
        using SqliteCommand command = Command(sql);
        return (long)command.ExecuteScalar()!;
    }

    private SqliteCommand Command(string sql)
    {
        SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }
}
