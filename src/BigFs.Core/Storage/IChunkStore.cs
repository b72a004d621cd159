using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Model;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// A datanode's chunks as the data plane sees them: append, read, nothing else. Thread-safe. Implemented by
/// <c>VolumeStore</c>; served by the transfer protocol and, in process, called directly.
/// </summary>
public interface IChunkStore
{
    /// <summary>The node that owns the chunks.</summary>
    NodeId Node { get; }

    /// <summary>What an acknowledgement rests on here.</summary>
    BigFsDurability Durability { get; }

    /// <summary>Where buffers for <see cref="AppendAsync"/> come from.</summary>
    ChunkBufferPool Buffers { get; }

    /// <summary>Where whoever reads chunks counts what was read; null when nobody asks.</summary>
    StoreTraffic? Traffic => null;

    /// <summary>
    /// Says whether a write would be taken now, before any of its bytes are accepted. <see cref="ChunkStatus.Ok"/> is no
    /// promise: <see cref="AppendAsync"/> checks again.
    /// </summary>
    ChunkStatus Check(in ChunkAppend request);

    /// <summary>
    /// Appends the chunk in the buffer's payload and flushes it. Takes the buffer over: it is disposed when the bytes are
    /// on the disk or the append failed. Verifies the payload against the request's checksum first
    /// (<see cref="ChunkStatus.Damaged"/> when it differs). A key that exists with the same bytes waits for its flush and
    /// is acknowledged again. The epoch is checked again in the step that returns <see cref="ChunkStatus.Ok"/>.
    /// </summary>
    /// <param name="request">What is appended where.</param>
    /// <param name="buffer">A buffer of <see cref="Buffers"/> whose payload is the chunk.</param>
    /// <param name="cancellationToken">Ends the wait; the append itself may still happen.</param>
    ValueTask<ChunkStatus> AppendAsync(ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken);

    /// <summary>
    /// Finds a chunk and returns its length and block checksums as stored. The bytes are not read. The result is a lease:
    /// <see cref="StoredChunk.ReadAsync"/> works until it is disposed, also when the volume is compacted meanwhile.
    /// </summary>
    ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(
        VolumeId volume, ChunkKey key, CancellationToken cancellationToken);

    /// <summary>
    /// One page of the volume's chunks, ordered by key, beginning after <paramref name="after"/>. Deleted keys are
    /// listed with <see cref="StoredChunkInfo.Deleted"/>.
    /// </summary>
    ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken);
}

/// <summary>An append: which chunk goes into which volume under which epoch and members.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Epoch">The epoch that the writer was granted.</param>
/// <param name="Members">The members that the writer was granted, in any order.</param>
/// <param name="Key">The chunk's key.</param>
/// <param name="Length">Bytes of the payload, 1 to <see cref="Limits.MaxChunkSize"/>.</param>
/// <param name="Crc32C">The payload's checksum, made in the writer's process.</param>
public readonly record struct ChunkAppend(
    VolumeId Volume, long Epoch, ImmutableArray<NodeId> Members, ChunkKey Key, int Length, uint Crc32C);

/// <summary>A stored chunk that can be read, block by block.</summary>
public abstract class StoredChunk : IAsyncDisposable
{
    /// <summary>Bytes of the payload.</summary>
    public abstract int Length { get; }

    /// <summary>
    /// CRC-32C of each block of <see cref="Limits.BlockSize"/> bytes (the last may be shorter), as stored. Their
    /// combination is the chunk's checksum: whoever knows that one need not trust these.
    /// </summary>
    public abstract ReadOnlyMemory<uint> BlockChecksums { get; }

    /// <summary>
    /// The file that holds the payload and where it begins there, for senders that let the system copy; good until the lease
    /// ends. False when there is none.
    /// </summary>
    /// <param name="file">An open file; not the caller's to close.</param>
    /// <param name="offset">Where the payload's first byte is in it.</param>
    public virtual bool TryGetFile([NotNullWhen(true)] out SafeFileHandle? file, out long offset)
    {
        file = null;
        offset = 0;
        return false;
    }

    /// <summary>Reads payload bytes, unverified, filling the destination.</summary>
    /// <param name="offset">First byte within the payload.</param>
    /// <param name="destination">As long as the bytes wanted; must end within the payload.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>
    /// <see cref="ChunkStatus.Ok"/>, <see cref="ChunkStatus.DiskFailed"/>, or <see cref="ChunkStatus.Busy"/> when the node
    /// has stopped meanwhile.
    /// </returns>
    public abstract ValueTask<ChunkStatus> ReadAsync(
        int offset, Memory<byte> destination, CancellationToken cancellationToken);

    /// <summary>Ends the lease.</summary>
    public abstract ValueTask DisposeAsync();
}
