using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// A datanode's volumes as the node manager's orders see them, beside the chunks of <see cref="IChunkStore"/>. Every
/// change is durable before it returns. Thread-safe.
/// </summary>
public interface IVolumeStore : IChunkStore
{
    /// <summary>All volumes on this node, ordered by id.</summary>
    IReadOnlyList<VolumeReport> Volumes { get; }

    /// <summary>Creates a volume, or reopens a sealed one under a higher epoch; the same order again is Ok.</summary>
    ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary>
    /// Refuses appends from now on, waits for those in flight, and stores the order's epoch; the same order again is Ok.
    /// </summary>
    ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary>Ends appends for good under the order's epoch and members; only a fenced or sealed volume is sealed.</summary>
    ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary>
    /// A digest of the volume's chunks and deleted keys. Null when the status is not Ok. What is written while it is made
    /// may be in it or not.
    /// </summary>
    ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken);

    /// <summary>
    /// Adds a chunk that a peer holds to a fenced or sealed volume (the way of reconciliation, under the order's epoch);
    /// otherwise as <see cref="IChunkStore.AppendAsync"/>.
    /// </summary>
    ValueTask<ChunkStatus> AdoptAsync(
        VolumeOrder order, StoredChunkInfo chunk, ChunkBuffer buffer, CancellationToken cancellationToken);

    /// <summary>
    /// Marks chunks deleted, durably; keys that are absent get their mark too, so that they never return. What a peer has
    /// marked is repeated so.
    /// </summary>
    ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken);

    /// <summary>
    /// The same for what the namespace has deleted. <see cref="ChunkStatus.StaleGeneration"/> when a higher generation was
    /// seen before; a higher one is remembered first.
    /// </summary>
    ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken);

    /// <summary>
    /// Remembers the generation of the namespace, durably, when it is the highest seen; deletions of lower ones are refused
    /// from then on. <see cref="ChunkStatus.StaleGeneration"/> when it is lower itself.
    /// </summary>
    ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken);

    /// <summary>Reads a chunk and checks every block: Ok, Damaged, ChunkNotFound, ChunkDeleted or DiskFailed.</summary>
    ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken);
}

/// <summary>State of a volume on one node.</summary>
public enum ReplicaState
{
    /// <summary>Takes appends.</summary>
    Open = 1,

    /// <summary>Takes none; its key set is being compared.</summary>
    Fenced = 2,

    /// <summary>Takes none for good (unless reopened under a new epoch).</summary>
    Sealed = 3,

    /// <summary>The disk failed or the log is damaged: reads only, nothing else.</summary>
    Failed = 4,
}

/// <summary>An order of the node manager about one volume; refused when its term is lower than one seen before.</summary>
public sealed record VolumeOrder
{
    /// <summary>The node manager's term: grows with each of its starts.</summary>
    public required long Term { get; init; }

    /// <summary>The volume.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>The epoch that the order makes or names.</summary>
    public required long Epoch { get; init; }

    /// <summary>The members under that epoch, ordered by id.</summary>
    public required ImmutableArray<NodeId> Members { get; init; }
}

/// <summary>A volume as one node holds it.</summary>
public sealed record VolumeReport
{
    /// <summary>The volume.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>The epoch stored on this node.</summary>
    public required long Epoch { get; init; }

    /// <summary>Its state here.</summary>
    public required ReplicaState State { get; init; }

    /// <summary>Chunks that live (not deleted).</summary>
    public required long Chunks { get; init; }

    /// <summary>Bytes of the log in use.</summary>
    public required long Bytes { get; init; }
}

/// <summary>A stored chunk's identity, as sets are compared: (key, length, checksum), and whether it is deleted.</summary>
/// <param name="Key">The key.</param>
/// <param name="Length">Bytes of the payload; 0 for a deleted key whose chunk is not here (any more).</param>
/// <param name="Crc32C">Checksum of the payload; 0 where the length is.</param>
/// <param name="Deleted">Whether a delete mark stands.</param>
public readonly record struct StoredChunkInfo(ChunkKey Key, int Length, uint Crc32C, bool Deleted);
