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
            (IndexEntry? found, LogFile log) = await FindAsync(key.Value);
            uint[]? blocks = null;
            try
            {
                if (found is not { IsDeleted: false } place)
                {
                    return (found is null ? ChunkStatus.ChunkNotFound : ChunkStatus.ChunkDeleted, null);
                }

                (ChunkStatus status, blocks) = await ReadBlocksAsync(log, key, place);
                if (blocks is not null)
                {
                    return (ChunkStatus.Ok, new VolumeChunk(this, log, key, place, blocks));
                }

                if (status != ChunkStatus.Damaged || !await IsMisplacedAsync(place))
                {
                    return (status, null);
                }
            }
            finally
            {
                await (blocks is null ? log.ReleaseAsync() : ValueTask.CompletedTask); // else it is the chunk's
            }
        }
    }

    /// <summary>Fills the destination from a log: Ok, DiskFailed, or Busy when the store was closed.</summary>
    public async ValueTask<ChunkStatus> ReadAsync(
        LogFile log, ChunkKey key, long offset, Memory<byte> destination, bool isPastCache = false)
    {
        try
        {
            int count = await (isPastCache
                ? log.File.ReadPastCacheAsync(offset, destination)
                : log.File.ReadAsync(offset, destination));
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
        if (!IsIndexProven)
        {
            await RebuildAsync(null, null);
            (IndexEntry? now, LogFile log) = await FindAsync(place.Key);
            await log.ReleaseAsync();
            if (now != place)
            {
                return true;
            }
        }

        StorageEvents.ChunkDamaged(_context.Logger, new ChunkKey(place.Key), Id);
        return false;
    }

    /// <summary>Reads the chunk, from the disk itself, and checks every block.</summary>
    public async ValueTask<ChunkStatus> VerifyAsync(ChunkKey key, CancellationToken cancellationToken)
    {
        (ChunkStatus status, StoredChunk? opened) = await OpenAsync(key);
        if (opened is null)
        {
            return status;
        }

        await using var chunk = (VolumeChunk)opened;
        var buffer = new byte[Math.Min(chunk.Length, 4 * Limits.BlockSize)];
        for (int done = 0; done < chunk.Length; done += buffer.Length)
        {
            Memory<byte> piece = buffer.AsMemory(0, Math.Min(buffer.Length, chunk.Length - done));
            cancellationToken.ThrowIfCancellationRequested();
            status = await chunk.ReadPastCacheAsync(done, piece);
            if (status != ChunkStatus.Ok)
            {
                return status;
            }

            uint[] read = BlockChecksums.Compute(piece.Span);
            if (!read.AsSpan().SequenceEqual(chunk.BlockChecksums.Span.Slice(done / Limits.BlockSize, read.Length)))
            {
                return await IsMisplacedAsync(chunk.Place)
                    ? await VerifyAsync(key, cancellationToken)
                    : ChunkStatus.Damaged;
            }
        }

        return ChunkStatus.Ok;
    }

    /// <summary>Reads a chunk's block checksums; none, and Damaged, when they do not combine to its own.</summary>
    private async ValueTask<(ChunkStatus Status, uint[]? Blocks)> ReadBlocksAsync(
        LogFile log, ChunkKey key, IndexEntry place)
    {
        uint[] blocks = [place.Crc32C]; // a chunk of one block needs no look at the disk
        if (BlockChecksums.Count(place.Length) > 1)
        {
            var trailer = new byte[LogFormat.TrailerLength(place.Length)];
            ChunkStatus status =
                await ReadAsync(log, key, LogFormat.TrailerOffset(place.Offset, place.Length), trailer);
            if (status != ChunkStatus.Ok)
            {
                return (status, null);
            }

            blocks = LogFormat.ReadTrailer(trailer);
        }

        return BlockChecksums.Combine(blocks, place.Length) == place.Crc32C
            ? (ChunkStatus.Ok, blocks)
            : (ChunkStatus.Damaged, null);
    }
}
