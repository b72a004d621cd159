using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Replication;

/// <summary>What one replica holds within a range of keys.</summary>
/// <param name="Node">The member.</param>
/// <param name="IsSource">Whether chunks may be copied from it.</param>
/// <param name="IsTarget">Whether it is to receive what it lacks.</param>
/// <param name="Chunks">Its chunks and delete marks, ordered by key.</param>
public sealed record ReplicaListing(NodeId Node, bool IsSource, bool IsTarget, ImmutableArray<StoredChunkInfo> Chunks);

/// <summary>A chunk that a target lacks and the sources that have it, at least one.</summary>
public sealed record MissingChunk(NodeId Target, StoredChunkInfo Chunk, ImmutableArray<NodeId> Sources);

/// <summary>A key that lives with different bytes on different replicas.</summary>
/// <param name="Key">The key.</param>
/// <param name="Lacking">The targets that have not what every source that has the key has there, ordered by node.</param>
public sealed record ReplicaConflict(ChunkKey Key, ImmutableArray<NodeId> Lacking);

/// <summary>What keeps replicas from being equal as sets, over one range of keys. Pure.</summary>
public sealed record ReplicaDifference
{
    /// <summary>Chunks to copy, ordered by key.</summary>
    public required ImmutableArray<MissingChunk> Missing { get; init; }

    /// <summary>
    /// Delete marks that some replicas have and these nodes lack, ordered by key: a deleted key never returns, so the
    /// mark spreads and the chunk does not.
    /// </summary>
    public required ImmutableArray<(NodeId Node, ChunkKey Key)> MissingMarks { get; init; }

    /// <summary>Keys that only replicas hold which are no sources; they stay where they are.</summary>
    public required ImmutableArray<ChunkKey> Surplus { get; init; }

    /// <summary>Keys that live with different bytes on different replicas; nobody can say here which are right.</summary>
    public required ImmutableArray<ReplicaConflict> Conflicts { get; init; }

    /// <summary>Compares replicas over the same range of keys.</summary>
    public static ReplicaDifference Of(ImmutableArray<ReplicaListing> replicas)
    {
        var missing = ImmutableArray.CreateBuilder<MissingChunk>();
        var marks = ImmutableArray.CreateBuilder<(NodeId, ChunkKey)>();
        var surplus = ImmutableArray.CreateBuilder<ChunkKey>();
        var conflicts = ImmutableArray.CreateBuilder<ReplicaConflict>();
        var positions = new int[replicas.Length];
        var entries = new StoredChunkInfo?[replicas.Length];
        while (TakeNext(replicas, positions, entries) is { } key)
        {
            StoredChunkInfo[] live = [.. entries.Where(entry => entry is { Deleted: false }).Select(entry => entry!.Value)];
            if (entries.Any(entry => entry is { Deleted: true }))
            {
                for (int i = 0; i < replicas.Length; i++)
                {
                    if (entries[i] is not { Deleted: true })
                    {
                        marks.Add((replicas[i].Node, key));
                    }
                }
            }
            else if (live.Any(entry => entry != live[0]))
            {
                conflicts.Add(new ReplicaConflict(key, Lacking(replicas, entries)));
            }
            else
            {
                AddMissing(replicas, entries, live[0], missing, surplus);
            }
        }

        return new ReplicaDifference
        {
            Missing = missing.ToImmutable(),
            MissingMarks = marks.ToImmutable(),
            Surplus = surplus.ToImmutable(),
            Conflicts = conflicts.ToImmutable(),
        };
    }

    /// <summary>Targets of a conflict; none when no source has the key, for then they lack nothing that was acknowledged.</summary>
    private static ImmutableArray<NodeId> Lacking(ImmutableArray<ReplicaListing> replicas, StoredChunkInfo?[] entries)
    {
        StoredChunkInfo?[] atSources = [.. entries.Where((entry, i) => replicas[i].IsSource && entry is not null)];
        return
        [
            .. replicas.Where((replica, i) => replica.IsTarget && atSources.Any(entry => entry != entries[i]))
                .Select(replica => replica.Node),
        ];
    }

    private static void AddMissing(
        ImmutableArray<ReplicaListing> replicas,
        StoredChunkInfo?[] entries,
        StoredChunkInfo chunk,
        ImmutableArray<MissingChunk>.Builder missing,
        ImmutableArray<ChunkKey>.Builder surplus)
    {
        ImmutableArray<NodeId> sources =
            [.. replicas.Where((replica, i) => replica.IsSource && entries[i] is not null).Select(replica => replica.Node)];
        if (sources.IsEmpty)
        {
            surplus.Add(chunk.Key);
            return;
        }

        for (int i = 0; i < replicas.Length; i++)
        {
            if (replicas[i].IsTarget && entries[i] is null)
            {
                missing.Add(new MissingChunk(replicas[i].Node, chunk, sources));
            }
        }
    }

    /// <summary>Takes every replica's entry of the lowest key that is left; null at the end.</summary>
    private static ChunkKey? TakeNext(
        ImmutableArray<ReplicaListing> replicas, int[] positions, StoredChunkInfo?[] entries)
    {
        ChunkKey? lowest = null;
        for (int i = 0; i < replicas.Length; i++)
        {
            if (positions[i] < replicas[i].Chunks.Length
                && (lowest is null || replicas[i].Chunks[positions[i]].Key.CompareTo(lowest.Value) < 0))
            {
                lowest = replicas[i].Chunks[positions[i]].Key;
            }
        }

        for (int i = 0; i < replicas.Length; i++)
        {
            bool has = positions[i] < replicas[i].Chunks.Length && replicas[i].Chunks[positions[i]].Key == lowest;
            entries[i] = has ? replicas[i].Chunks[positions[i]++] : null;
        }

        return lowest;
    }
}
