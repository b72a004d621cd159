using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Statements in the engine's few shapes.</summary>
internal static class PostgresCommands
{
    /// <summary>The columns of an entry as <see cref="Row"/> reads them, from the third on.</summary>
    public const string EntryColumns =
        "parent, name, id, created, modified, version, size, crc, replicas, notes, manifest, content";

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

    /// <summary>A page of the directory at one node, by name; never the manifests.</summary>
    public static NpgsqlBatchCommand List(PathTrie trie, int directory, byte[] from, byte[] below, int limit) => WithNodes(
        trie,
        Walk + "SELECT 0, e.parent, e.name, e.id, e.created, e.modified, e.version, e.size, e.crc, e.replicas, e.notes FROM walk w, "
            + "LATERAL (SELECT * FROM entries WHERE parent = w.id AND name >= $6 AND name < $7 ORDER BY name LIMIT $8) e "
            + "WHERE w.number = $5 ORDER BY e.name")
        .With(NpgsqlDbType.Integer, directory)
        .With(NpgsqlDbType.Bytea, from)
        .With(NpgsqlDbType.Bytea, below)
        .With(NpgsqlDbType.Integer, limit);

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
        Manifest = withManifest ? Bytes(reader, 11) : null,
        Content = withManifest && reader.GetBoolean(12),
    };

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
