using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>Reads what a namespace's database says of itself. Belongs to its connection.</summary>
internal sealed class SqliteIdentity(SqliteConnection connection) : IDisposable
{
    private readonly SqliteStatement _named = new(
        connection, "SELECT name, value FROM meta WHERE name IN ('namespace', 'cluster', 'generation', 'paused')");

    /// <summary>What it says now.</summary>
    public NamespaceIdentity Read()
    {
        Guid own = default;
        Guid? cluster = null;
        long generation = 0;
        bool isPaused = false;
        _named.Bind();
        while (_named.Step())
        {
            switch (_named.Text(0))
            {
                case "namespace":
                    own = new Guid(_named.Bytes(1), bigEndian: true);
                    break;
                case "cluster":
                    cluster = new Guid(_named.Bytes(1), bigEndian: true);
                    break;
                case "generation":
                    generation = _named.Long(1);
                    break;
                default:
                    isPaused = _named.Long(1) != 0;
                    break;
            }
        }

        return new NamespaceIdentity
        {
            Namespace = own,
            Cluster = cluster,
            Generation = generation,
            IsCollectionPaused = isPaused,
        };
    }

    public void Dispose() => _named.Dispose();
}
