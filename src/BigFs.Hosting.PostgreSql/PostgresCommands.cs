using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Statements in the engine's few shapes.</summary>
internal static class PostgresCommands
{
    /// <summary>The columns of an entry as <see cref="Row"/> reads them, from the third on.</summary>
    public const string EntryColumns =
        "parent, name, id, created, modified, version, size, crc, replicas, notes, chunks, manifest, content";

    // UTF-8 never holds this byte: whatever follows a prefix sorts below the prefix and it.
    private const byte AboveUtf8 = 0xFF;

    private const string Walk =
        "WITH RECURSIVE n AS MATERIALIZED ("
        + "SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bytea[]) AS n (number, up, start, label)), "
        + "walk AS (SELECT n.number, e.* FROM n JOIN entries e ON e.parent = n.start AND e.name = n.label WHERE n.up < 0 "
        + "UNION ALL SELECT n.number, e.* FROM walk w JOIN n ON n.up = w.number "
        + "JOIN entries e ON e.parent = w.id AND e.name = n.label WHERE w.id IS NOT NULL) ";

    /// <summary>Resolves the nodes of a <see cref="PathTrie"/>: the number of each that is there, and its row.</summary>
    public static NpgsqlBatchCommand Resolve(PathTrie trie) =>
        WithNodes(trie, Walk + $"SELECT number, {EntryColumns} FROM walk");

    /// <summary>As <see cref="Resolve"/>, only the nodes that are asked for, with their contents.</summary>
    public static NpgsqlBatchCommand ResolveWanted(PathTrie trie, int[] wanted) => WithNodes(
        trie,
        Walk + $"SELECT number, {EntryColumns}, CASE WHEN content THEN "
            + "(SELECT bytes FROM contents c WHERE c.version = walk.version) END FROM walk WHERE number = ANY ($5)")
        .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, wanted);

    /// <summary>A page of a directory, by name; never the manifests.</summary>
    /// <param name="directory">Its id.</param>
    /// <param name="after">Only names after this one; empty for all.</param>
    /// <param name="prefix">Only names that start with this.</param>
    /// <param name="limit">Most rows.</param>
    public static NpgsqlBatchCommand List(long directory, string after, string prefix, int limit)
    {
        byte[] from = Encoding.UTF8.GetBytes(prefix);
        byte[] below = [.. from, AboveUtf8];
        if (after.Length > 0)
        {
            // No name holds NUL, so this is the first name after it.
            byte[] next = [.. Encoding.UTF8.GetBytes(after), 0];
            from = next.AsSpan().SequenceCompareTo(from) > 0 ? next : from;
        }

        return new NpgsqlBatchCommand(
            "SELECT 0, parent, name, id, created, modified, version, size, crc, replicas, notes, chunks FROM entries "
                + "WHERE parent = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT $4")
            .With(NpgsqlDbType.Bigint, directory)
            .With(NpgsqlDbType.Bytea, from)
            .With(NpgsqlDbType.Bytea, below)
            .With(NpgsqlDbType.Integer, limit);
    }

    /// <summary>Adds a parameter, in the statement's order.</summary>
    public static NpgsqlBatchCommand With<T>(this NpgsqlBatchCommand command, NpgsqlDbType type, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { NpgsqlDbType = type, TypedValue = value });
        return command;
    }

    /// <summary>Reads a row of <see cref="EntryColumns"/> that stands behind a number.</summary>
    public static PostgresEntryRow Row(NpgsqlDataReader reader, bool withManifest) => new()
    {
        Parent = reader.GetInt64(1),
        Name = Encoding.UTF8.GetString(reader.GetFieldValue<byte[]>(2)),
        Id = reader.IsDBNull(3) ? null : reader.GetInt64(3),
        Created = reader.GetInt64(4),
        Modified = reader.GetInt64(5),
        Version = reader.IsDBNull(6) ? 0 : reader.GetInt64(6),
        Size = reader.IsDBNull(7) ? 0 : reader.GetInt64(7),
        Crc = reader.IsDBNull(8) ? 0 : (uint)reader.GetInt64(8),
        Replicas = reader.IsDBNull(9) ? 0 : reader.GetInt32(9),
        Notes = Bytes(reader, 10),
        Chunks = reader.GetInt32(11),
        Manifest = withManifest ? Bytes(reader, 12) : null,
        Content = withManifest && reader.GetBoolean(13),
    };

    /// <summary>Runs one statement; how many rows it changed.</summary>
    public static async ValueTask<int> ExecuteAsync(this NpgsqlConnection connection, NpgsqlBatchCommand command)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(command);
        return await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    /// <summary>Runs one statement and reads its rows.</summary>
    public static async ValueTask<List<T>> ReadAsync<T>(
        this NpgsqlConnection connection,
        NpgsqlBatchCommand command,
        Func<NpgsqlDataReader, T> row,
        CancellationToken cancellationToken = default)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(command);
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    /// <summary>Bytes or null.</summary>
    public static byte[]? Bytes(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<byte[]>(column);

    private static NpgsqlBatchCommand WithNodes(PathTrie trie, string text)
    {
        (int[] number, int[] up, long[] start, byte[][] name) = trie.Columns;
        return new NpgsqlBatchCommand(text)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, number)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, up)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, start)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, name);
    }
}
