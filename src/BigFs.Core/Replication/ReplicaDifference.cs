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

    /// <summary>
    /// Delete marks that stay with those who have them, of keys that live on others, ordered by key: they may be older than
    /// the names. The chunk lives on where it lives, and is brought to targets without the mark.
    /// </summary>
    public required ImmutableArray<ChunkKey> KeptMarks { get; init; }

    /// <summary>Keys that only replicas hold which are no sources; they stay where they are.</summary>
    public required ImmutableArray<ChunkKey> Surplus { get; init; }

    /// <summary>Keys that live with different bytes on different replicas; nobody can say here which are right.</summary>
    public required ImmutableArray<ReplicaConflict> Conflicts { get; init; }

    /// <summary>Compares replicas over the same range of keys.</summary>
    /// <param name="replicas">What each holds.</param>
    /// <param name="spreadsMarks">Whether a delete mark counts for all of them, or for the replica alone that has it.</param>
    public static ReplicaDifference Of(ImmutableArray<ReplicaListing> replicas, bool spreadsMarks = true)
    {
        var missing = ImmutableArray.CreateBuilder<MissingChunk>();
        var marks = ImmutableArray.CreateBuilder<(NodeId, ChunkKey)>();
        var kept = ImmutableArray.CreateBuilder<ChunkKey>();
        var surplus = ImmutableArray.CreateBuilder<ChunkKey>();
        var conflicts = ImmutableArray.CreateBuilder<ReplicaConflict>();
        var positions = new int[replicas.Length];
        var entries = new StoredChunkInfo?[replicas.Length];
        while (TakeNext(replicas, positions, entries) is { } key)
        {
            StoredChunkInfo[] live = [.. entries.Where(entry => entry is { Deleted: false }).Select(entry => entry!.Value)];
            bool isMarked = entries.Any(entry => entry is { Deleted: true });
            if (isMarked && !spreadsMarks && live.Length > 0)
            {
                kept.Add(key);
            }

            if (live.Length == 0 && !spreadsMarks)
            {
                continue; // Who has no mark can still take the chunk from a member that is away.
            }

            if (isMarked && spreadsMarks)
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
            KeptMarks = kept.ToImmutable(),
            Surplus = surplus.ToImmutable(),
            Conflicts = conflicts.ToImmutable(),
        };
    }

    /// <summary>Targets of a conflict; none when no source has the key, for then they lack nothing that was acknowledged.</summary>
    private static ImmutableArray<NodeId> Lacking(ImmutableArray<ReplicaListing> replicas, StoredChunkInfo?[] entries)
    {
        StoredChunkInfo?[] atSources = [.. entries.Where((entry, i) => replicas[i].IsSource && entry is { Deleted: false })];
        return
        [
            .. replicas.Where((replica, i) => replica.IsTarget
                    && entries[i] is not { Deleted: true }
                    && atSources.Any(entry => entry != entries[i]))
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
            [.. replicas.Where((replica, i) => replica.IsSource && entries[i] is { Deleted: false }).Select(replica => replica.Node)];
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
