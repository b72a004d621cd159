using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>A page of a volume read straight from its store.</summary>
internal sealed class DirectCopy(
    IChunkStore store,
    VolumePage page,
    ChunkBufferPool buffers,
    Func<StoredChunkInfo, ChunkBuffer?, bool> take,
    CancellationToken cancellationToken)
{
    private const int Listed = 256;

    private ChunkStatus _worst;
    private long _bytes;
    private ChunkKey _last = page.After;

    public async ValueTask<VolumePageResult> RunAsync()
    {
        bool named = !page.Keys.IsEmpty;
        ImmutableArray<ChunkKey> keys = page.Keys;
        while (true)
        {
            if (!named)
            {
                (ChunkStatus listed, ImmutableArray<StoredChunkInfo> infos) =
                    await store.ListChunksAsync(page.Volume, _last, Listed, cancellationToken);
                if (listed != ChunkStatus.Ok)
                {
                    return Result(listed, hasMore: true);
                }

                keys = [.. infos.Select(info => info.Key)];
            }

            foreach (ChunkKey key in keys)
            {
                if (_bytes >= page.MaxBytes)
                {
                    return Result(_worst, hasMore: true);
                }

                (ChunkStatus status, bool goesOn) = await CopyAsync(key, named);
                _worst = _worst == ChunkStatus.Ok ? status : _worst;
                if (!goesOn)
                {
                    return Result(status, hasMore: true);
                }
            }

            if (named || keys.Length < Listed)
            {
                return Result(_worst, hasMore: false);
            }
        }
    }

    private async ValueTask<(ChunkStatus Status, bool GoesOn)> CopyAsync(ChunkKey key, bool named)
    {
        (ChunkStatus status, StoredChunk? opened) = await store.OpenAsync(page.Volume, key, cancellationToken);
        _last = key;
        if (opened is null)
        {
            if (!CopiedChunk.MayHave(status))
            {
                return (status, false);
            }

            bool isMark = !named && status == ChunkStatus.ChunkDeleted;
            bool goesOn = !isMark || take(new StoredChunkInfo(key, 0, 0, Deleted: true), null);
            return (isMark ? ChunkStatus.Ok : status, goesOn);
        }

        await using StoredChunk chunk = opened;
        uint crc32C = BlockChecksums.Combine(chunk.BlockChecksums.Span, chunk.Length);
        ChunkBuffer? buffer = await buffers.RentAsync(chunk.Length, cancellationToken);
        try
        {
            status = await chunk.ReadAsync(0, buffer.Payload, cancellationToken);
            if (status != ChunkStatus.Ok)
            {
                return (status, false);
            }

            if (Crc32C.Compute(buffer.Payload.Span) != crc32C)
            {
                return (ChunkStatus.Damaged, true);
            }

            _bytes += chunk.Length;
            store.Traffic?.Read(chunk.Length);
            ChunkBuffer taken = buffer;
            buffer = null;
            return take(new StoredChunkInfo(key, chunk.Length, crc32C, Deleted: false), taken)
                ? (ChunkStatus.Ok, true)
                : (ChunkStatus.Busy, false);
        }
        finally
        {
            buffer?.Dispose();
        }
    }

    private VolumePageResult Result(ChunkStatus status, bool hasMore) => new() { Status = status, Last = _last, HasMore = hasMore };
}
