using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>Where a chunk stands in its log.</summary>
/// <param name="Offset">Where its payload begins; 0 when only a delete mark is known.</param>
/// <param name="Length">Bytes of the payload.</param>
/// <param name="Crc32C">Checksum of the payload.</param>
/// <param name="Deleted">Whether a delete mark stands.</param>
internal readonly record struct IndexedChunk(long Offset, int Length, uint Crc32C, bool Deleted);

/// <summary>
/// The chunks of one volume in memory. Built from the log's records in any order: a delete mark wins over its chunk,
/// whichever came first. Not thread-safe.
/// </summary>
internal sealed class ChunkIndex
{
    private readonly Dictionary<ulong, IndexedChunk> _chunks = [];
    private ulong[]? _sorted;

    /// <summary>Chunks that are not deleted.</summary>
    public long Live { get; private set; }

    public bool TryGet(ulong key, out IndexedChunk chunk) => _chunks.TryGetValue(key, out chunk);

    /// <summary>Notes a chunk; the first one of a key stays.</summary>
    public void AddChunk(ulong key, long offset, int length, uint crc)
    {
        if (!_chunks.TryGetValue(key, out IndexedChunk known))
        {
            Live++;
            _sorted = null;
            _chunks[key] = new IndexedChunk(offset, length, crc, false);
        }
        else if (known.Offset == 0)
        {
            _chunks[key] = new IndexedChunk(offset, length, crc, known.Deleted);
        }
    }

    /// <summary>Notes a delete mark, also for a key never seen.</summary>
    public void Delete(ulong key)
    {
        bool isKnown = _chunks.TryGetValue(key, out IndexedChunk known);
        if (isKnown && !known.Deleted)
        {
            Live--;
        }

        _sorted = isKnown ? _sorted : null;
        _chunks[key] = known with { Deleted = true };
    }

    /// <summary>At most so many chunks behind the key, in the order of keys.</summary>
    public ImmutableArray<StoredChunkInfo> List(ulong after, int limit)
    {
        if (_sorted is null)
        {
            _sorted = [.. _chunks.Keys];
            Array.Sort(_sorted);
        }

        int found = Array.BinarySearch(_sorted, after);
        int first = found >= 0 ? found + 1 : ~found;
        var page = ImmutableArray.CreateBuilder<StoredChunkInfo>(Math.Min(limit, _sorted.Length - first));
        for (int i = first; i < _sorted.Length && page.Count < limit; i++)
        {
            IndexedChunk chunk = _chunks[_sorted[i]];
            page.Add(new StoredChunkInfo(new ChunkKey(_sorted[i]), chunk.Length, chunk.Crc32C, chunk.Deleted));
        }

        return page.DrainToImmutable();
    }
}
