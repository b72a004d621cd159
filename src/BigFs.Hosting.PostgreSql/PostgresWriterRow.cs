using BigFs.Core.Metadata;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The namespace's few single values, but for its clock.</summary>
internal sealed record PostgresWriterRow
{
    /// <summary>The columns as <see cref="Read"/> takes them.</summary>
    public const string Columns = "stamp, incarnation, namespace, cluster, generation, paused";

    /// <summary>The transaction's number: greater than those of all before.</summary>
    public required long Stamp { get; init; }

    /// <summary>The incarnation given last.</summary>
    public required long Incarnation { get; init; }

    /// <summary><see cref="NamespaceIdentity"/>.</summary>
    public required NamespaceIdentity Identity { get; init; }

    /// <summary>Reads <see cref="Columns"/> from a column on.</summary>
    public static PostgresWriterRow Read(NpgsqlDataReader reader, int first) => new()
    {
        Stamp = reader.GetInt64(first),
        Incarnation = reader.GetInt64(first + 1),
        Identity = new NamespaceIdentity
        {
            Namespace = reader.GetGuid(first + 2),
            Cluster = reader.IsDBNull(first + 3) ? null : reader.GetGuid(first + 3),
            Generation = reader.GetInt64(first + 4),
            IsCollectionPaused = reader.GetBoolean(first + 5),
        },
    };
}
