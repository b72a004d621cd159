using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>Finding and reading chunks.</content>
internal sealed partial class Volume
{
    /// <summary>Whether the index was made from the log by this process, not believed from a file.</summary>
    public bool IsIndexProven
    {
        get
        {
            lock (_lock)
            {
                return _isIndexProven;
            }
        }
    }

    public async ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(ChunkKey key)
    {
        while (true)
        {
            if (await FindAsync(key.Value) is not { } place)
            {
                return (ChunkStatus.ChunkNotFound, null);
            }

            if (place.IsDeleted)
            {
                return (ChunkStatus.ChunkDeleted, null);
            }

            (ChunkStatus status, uint[] blocks) = await ReadBlocksAsync(key, place);
            if (status == ChunkStatus.Damaged && await IsMisplacedAsync(place))
            {
                continue;
            }

            if (status == ChunkStatus.Damaged)
            {
                StorageEvents.ChunkDamaged(_context.Logger, key, Id);
            }

            return (status, status == ChunkStatus.Ok ? new VolumeChunk(this, key, place, blocks) : null);
        }
    }

    /// <summary>Fills the destination from the log: Ok, DiskFailed, or Busy when the store was closed.</summary>
    public async ValueTask<ChunkStatus> ReadAsync(ChunkKey key, long offset, Memory<byte> destination)
    {
        try
        {
            int count = await _file.ReadAsync(offset, destination);
            return count == destination.Length ? ChunkStatus.Ok : ChunkStatus.DiskFailed;
        }
        catch (DiskException exception)
        {
            StorageEvents.ReadFailed(_context.Logger, exception, key, Id);
            return ChunkStatus.DiskFailed;
        }
        catch (ObjectDisposedException)
        {
            return ChunkStatus.Busy; // the store was closed under a lease
        }
    }

    /// <summary>
    /// Asks whether the bytes at a chunk's place are bad because the index is wrong about the place. An index that came
    /// from a file is made anew from the log to find out, once.
    /// </summary>
    /// <returns>True when the index has changed its mind about the key.</returns>
    public async ValueTask<bool> IsMisplacedAsync(IndexEntry place)
    {
        if (IsIndexProven)
        {
            return false;
        }

        await RebuildAsync(null, null);
        return await FindAsync(place.Key) is not { } now || now != place;
    }

    /// <summary>Reads the chunk and checks every block.</summary>
    public async ValueTask<ChunkStatus> VerifyAsync(ChunkKey key, CancellationToken cancellationToken)
    {
        (ChunkStatus status, StoredChunk? opened) = await OpenAsync(key);
        if (opened is null)
        {
            return status;
        }

        await using StoredChunk chunk = opened;
        var buffer = new byte[Math.Min(chunk.Length, 4 * Limits.BlockSize)];
        for (int done = 0; done < chunk.Length; done += buffer.Length)
        {
            Memory<byte> piece = buffer.AsMemory(0, Math.Min(buffer.Length, chunk.Length - done));
            status = await chunk.ReadAsync(done, piece, cancellationToken);
            if (status != ChunkStatus.Ok)
            {
                return status;
            }

            uint[] read = BlockChecksums.Compute(piece.Span);
            if (!read.AsSpan().SequenceEqual(chunk.BlockChecksums.Span.Slice(done / Limits.BlockSize, read.Length)))
            {
                if (chunk is VolumeChunk { Place: var place } && await IsMisplacedAsync(place))
                {
                    return await VerifyAsync(key, cancellationToken);
                }

                StorageEvents.ChunkDamaged(_context.Logger, key, Id);
                return ChunkStatus.Damaged;
            }
        }

        return ChunkStatus.Ok;
    }

    /// <summary>Reads a chunk's block checksums; Damaged when they do not combine to its own.</summary>
    private async ValueTask<(ChunkStatus Status, uint[] Blocks)> ReadBlocksAsync(ChunkKey key, IndexEntry place)
    {
        uint[] blocks = [place.Crc32C]; // a chunk of one block needs no look at the disk
        if (BlockChecksums.Count(place.Length) > 1)
        {
            var trailer = new byte[LogFormat.TrailerLength(place.Length)];
            ChunkStatus status = await ReadAsync(key, LogFormat.TrailerOffset(place.Offset, place.Length), trailer);
            if (status != ChunkStatus.Ok)
            {
                return (status, []);
            }

            blocks = LogFormat.ReadTrailer(trailer);
        }

        return BlockChecksums.Combine(blocks, place.Length) == place.Crc32C
            ? (ChunkStatus.Ok, blocks)
            : (ChunkStatus.Damaged, []);
    }
}
