using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;

namespace BigFs.Core.Tests.Transfer;

/// <summary>Chunks in a dictionary, with handles for what a test wants to go wrong.</summary>
internal sealed class FakeChunkStore(NodeId node, long bufferBudget = 256L << 20) : IChunkStore, IDisposable
{
    private readonly ConcurrentDictionary<ChunkKey, (byte[] Bytes, uint[] Checksums)> _chunks = new();
    private readonly ChunkBufferPool _buffers = new(bufferBudget);

    public NodeId Node => node;

    public BigFsDurability Durability => BigFsDurability.Memory;

    public ChunkBufferPool Buffers
    {
        get
        {
            Calls.Enqueue("buffers");
            return _buffers;
        }
    }

    /// <summary>What was asked of the store, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What <see cref="Check"/> says.</summary>
    public ChunkStatus Checks { get; set; } = ChunkStatus.Ok;

    /// <summary>Awaited before an append ends: a flush that takes its time.</summary>
    public Func<CancellationToken, Task> Flush { get; set; } = _ => Task.CompletedTask;

    /// <summary>What a good append says after its flush.</summary>
    public ChunkStatus Appends { get; set; } = ChunkStatus.Ok;

    /// <summary>Whether appended bytes are forgotten, for measuring.</summary>
    public bool Discards { get; set; }

    /// <summary>Appends that were asked for.</summary>
    public int AppendCount => _appendCount;

    public IReadOnlyCollection<ChunkKey> Keys => [.. _chunks.Keys];

    private int _appendCount;

    public ChunkStatus Check(in ChunkAppend request)
    {
        Calls.Enqueue("check");
        return Checks;
    }

    public async ValueTask<ChunkStatus> AppendAsync(ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken)
    {
        Calls.Enqueue("append");
        Interlocked.Increment(ref _appendCount);
        using (buffer)
        {
            if (Crc32C.Compute(buffer.Payload.Span) != request.Crc32C)
            {
                return ChunkStatus.Damaged;
            }

            await Flush(cancellationToken);
            if (Appends == ChunkStatus.Ok && !Discards)
            {
                Put(request.Key, buffer.Payload.ToArray());
            }

            return Appends;
        }
    }

    public ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(
        VolumeId volume, ChunkKey key, CancellationToken cancellationToken)
    {
        Calls.Enqueue("open");
        return ValueTask.FromResult<(ChunkStatus, StoredChunk?)>(_chunks.TryGetValue(key, out var chunk)
            ? (ChunkStatus.Ok, new Stored(chunk.Bytes, chunk.Checksums))
            : (ChunkStatus.ChunkNotFound, null));
    }

    public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken)
    {
        Calls.Enqueue("list");
        return ValueTask.FromResult<(ChunkStatus, ImmutableArray<StoredChunkInfo>)>((
            ChunkStatus.Ok,
            [
                .. _chunks.Where(chunk => chunk.Key.CompareTo(after) > 0).OrderBy(chunk => chunk.Key).Take(limit)
                    .Select(chunk => new StoredChunkInfo(chunk.Key, chunk.Value.Bytes.Length, Crc32C.Compute(chunk.Value.Bytes), false)),
            ]));
    }

    public void Put(ChunkKey key, byte[] bytes)
    {
        var checksums = new uint[BlockRange.BlocksOf(bytes.Length)];
        for (int block = 0; block < checksums.Length; block++)
        {
            int start = block * Limits.BlockSize;
            checksums[block] = Crc32C.Compute(bytes.AsSpan(start, Math.Min(Limits.BlockSize, bytes.Length - start)));
        }

        _chunks[key] = (bytes, checksums);
    }

    public byte[] Bytes(ChunkKey key) => _chunks[key].Bytes;

    public uint[] Checksums(ChunkKey key) => _chunks[key].Checksums;

    public void Dispose() => _buffers.Dispose();

    private sealed class Stored(byte[] bytes, uint[] checksums) : StoredChunk
    {
        public override int Length => bytes.Length;

        public override ReadOnlyMemory<uint> BlockChecksums => checksums;

        public override ValueTask<ChunkStatus> ReadAsync(int offset, Memory<byte> destination, CancellationToken cancellationToken)
        {
            bytes.AsMemory(offset, destination.Length).CopyTo(destination);
            return ValueTask.FromResult(ChunkStatus.Ok);
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
