using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Benchmarks;

/// <summary>Takes every chunk whose checksum is right and keeps none.</summary>
internal sealed class DiscardingStore : IChunkStore, IDisposable
{
    public NodeId Node { get; } = new(Guid.NewGuid());

    public BigFsDurability Durability => BigFsDurability.Memory;

    public ChunkBufferPool Buffers { get; } = new(256L << 20);

    public ChunkStatus Check(in ChunkAppend request) => ChunkStatus.Ok;

    public ValueTask<ChunkStatus> AppendAsync(ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken)
    {
        using (buffer)
        {
            return ValueTask.FromResult(
                Crc32C.Compute(buffer.Payload.Span) == request.Crc32C ? ChunkStatus.Ok : ChunkStatus.Damaged);
        }
    }

    public ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(
        VolumeId volume, ChunkKey key, CancellationToken cancellationToken) =>
        ValueTask.FromResult<(ChunkStatus, StoredChunk?)>((ChunkStatus.ChunkNotFound, null));

    public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken) =>
        ValueTask.FromResult((ChunkStatus.VolumeNotFound, ImmutableArray<StoredChunkInfo>.Empty));

    public void Dispose() => Buffers.Dispose();
}
