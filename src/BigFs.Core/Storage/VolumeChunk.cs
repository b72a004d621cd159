using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>A chunk in a volume log.</summary>
internal sealed class VolumeChunk(
    IDiskFile file, VolumeId volume, ChunkKey key, IndexedChunk place, uint[] blocks, ILogger logger) : StoredChunk
{
    /// <inheritdoc/>
    public override int Length => place.Length;

    /// <inheritdoc/>
    public override ReadOnlyMemory<uint> BlockChecksums => blocks;

    /// <inheritdoc/>
    public override async ValueTask<ChunkStatus> ReadAsync(
        int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Length - offset);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            // Not abandoned on cancellation: the disk would go on writing into the caller's memory.
            int count = await file.ReadAsync(place.Offset + offset, destination);
            return count == destination.Length ? ChunkStatus.Ok : ChunkStatus.DiskFailed;
        }
        catch (DiskException exception)
        {
            StorageEvents.ReadFailed(logger, exception, key, volume);
            return ChunkStatus.DiskFailed;
        }
        catch (ObjectDisposedException)
        {
            return ChunkStatus.Busy; // the store was closed under the lease
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
