using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>The namespace's few single values: its cluster, its generation and the incarnations given, inside the writer's transaction.</summary>
internal sealed class SqliteMeta : IDisposable
{
    // The upper bits of a chunk's key.
    private const long HighestIncarnation = (1L << (64 - ChunkKey.CounterBits)) - 1;

    private readonly SqliteStatement _cluster, _adopt, _incarnation, _count, _generation, _raise, _pause;

    public SqliteMeta(SqliteConnection connection)
    {
        _cluster = new SqliteStatement(connection, "SELECT value FROM meta WHERE name = 'cluster'");
        _adopt = new SqliteStatement(connection, "INSERT INTO meta (name, value) VALUES ('cluster', ?1)");
        _incarnation = new SqliteStatement(connection, "SELECT value FROM meta WHERE name = 'incarnation'");
        _count = new SqliteStatement(connection, "INSERT OR REPLACE INTO meta (name, value) VALUES ('incarnation', ?1)");
        _generation = new SqliteStatement(connection, "SELECT value FROM meta WHERE name = 'generation'");
        _raise = new SqliteStatement(connection, "UPDATE meta SET value = value + 1 WHERE name = 'generation'");
        _pause = new SqliteStatement(connection, "INSERT OR REPLACE INTO meta (name, value) VALUES ('paused', ?1)");
    }

    /// <summary>The cluster that adopted the namespace.</summary>
    private Guid? Cluster()
    {
        if (!_cluster.Bind().Step())
        {
            return null;
        }

        var id = new Guid(_cluster.Bytes(0), bigEndian: true);
        _cluster.Reset();
        return id;
    }

    /// <summary>Binds the namespace to a cluster.</summary>
    /// <exception cref="BigFsException">WrongCluster.</exception>
    public bool Adopt(Guid cluster)
    {
        switch (Cluster())
        {
            case null:
                _adopt.Bind().Blob(1, cluster.ToByteArray(bigEndian: true)).Run();
                return true;
            case { } known when known != cluster:
                throw new BigFsException(
                    BigFsErrorCode.WrongCluster,
                    $"The metadata belong to cluster {known:N}, not to {cluster:N}; name the data directory of this one.");
            default:
                return false;
        }
    }

    /// <summary>The next incarnation.</summary>
    public long NextIncarnation()
    {
        long next = (_incarnation.Bind().Single() ?? 0) + 1;
        if (next > HighestIncarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"All {HighestIncarnation} incarnations of file servers have been given.");
        }

        _count.Bind(next).Run();
        return next;
    }

    /// <summary>The generation now.</summary>
    public long Generation() => _generation.Bind().Single()!.Value;

    /// <summary><see cref="IMetadataIdentity.RaiseGenerationAsync"/>.</summary>
    public bool RaiseGeneration()
    {
        long incarnation = (_incarnation.Bind().Single() ?? 0) + IMetadataIdentity.IncarnationsPerRestore;
        if (incarnation > HighestIncarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded,
                $"No further restore: it would use up the {HighestIncarnation} incarnations of file servers.");
        }

        _count.Bind(incarnation).Run();
        _raise.Bind().Run();
        _pause.Bind(1).Run();
        return true;
    }

    /// <summary><see cref="IMetadataIdentity.ResumeCollectionAsync"/>.</summary>
    public bool Resume(long generation)
    {
        long now = Generation();
        if (now != generation)
        {
            throw new BigFsException(
                BigFsErrorCode.PreconditionFailed, $"The metadata are in generation {now}, not in {generation} any more.");
        }

        _pause.Bind(0).Run();
        return true;
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in (SqliteStatement[])[_cluster, _adopt, _incarnation, _count, _generation, _raise, _pause])
        {
            statement.Dispose();
        }
    }
}
