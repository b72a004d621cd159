using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The namespace's cluster, its generation and the incarnations given, inside the writer's transaction.</summary>
internal static class PostgresIdentity
{
    // The upper bits of a chunk's key.
    private const long HighestIncarnation = (1L << (64 - ChunkKey.CounterBits)) - 1;

    /// <summary><see cref="IMetadataStore.NextIncarnationAsync"/>.</summary>
    public static ValueTask<long> NextIncarnation(PostgresTransaction transaction)
    {
        long next = transaction.Writer.Incarnation + 1;
        if (next > HighestIncarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"All {HighestIncarnation} incarnations of file servers have been given.");
        }

        transaction.Writer = transaction.Writer with { Incarnation = next };
        return ValueTask.FromResult(next);
    }

    /// <summary><see cref="IMetadataIdentity.AdoptClusterIdAsync"/>; false when it was adopted before.</summary>
    /// <exception cref="BigFsException">WrongCluster.</exception>
    public static ValueTask<bool> Adopt(PostgresTransaction transaction, Guid cluster)
    {
        NamespaceIdentity identity = transaction.Writer.Identity;
        if (identity.Cluster is { } known)
        {
            return known == cluster
                ? ValueTask.FromResult(false)
                : throw new BigFsException(
                    BigFsErrorCode.WrongCluster,
                    $"The metadata belong to cluster {known:N}, not to {cluster:N}; name the database and schema of this one.");
        }

        transaction.Writer = transaction.Writer with { Identity = identity with { Cluster = cluster } };
        return ValueTask.FromResult(true);
    }

    /// <summary><see cref="IMetadataIdentity.RaiseGenerationAsync"/>.</summary>
    /// <exception cref="BigFsException">LimitExceeded.</exception>
    public static ValueTask<NamespaceIdentity> RaiseGeneration(PostgresTransaction transaction)
    {
        PostgresWriterRow writer = transaction.Writer;
        long incarnation = writer.Incarnation + IMetadataIdentity.IncarnationsPerRestore;
        if (incarnation > HighestIncarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded,
                $"No further restore: it would use up the {HighestIncarnation} incarnations of file servers.");
        }

        NamespaceIdentity raised = writer.Identity with
        {
            Generation = writer.Identity.Generation + 1,
            IsCollectionPaused = true,
        };
        transaction.Writer = writer with { Incarnation = incarnation, Identity = raised };
        return ValueTask.FromResult(raised);
    }

    /// <summary><see cref="IMetadataIdentity.ResumeCollectionAsync"/>.</summary>
    /// <exception cref="BigFsException">PreconditionFailed.</exception>
    public static ValueTask<NamespaceIdentity> Resume(PostgresTransaction transaction, long generation)
    {
        NamespaceIdentity identity = transaction.Writer.Identity;
        if (identity.Generation != generation)
        {
            throw new BigFsException(
                BigFsErrorCode.PreconditionFailed,
                $"The metadata are in generation {identity.Generation}, not in {generation} any more.");
        }

        identity = identity with { IsCollectionPaused = false };
        transaction.Writer = transaction.Writer with { Identity = identity };
        return ValueTask.FromResult(identity);
    }
}
