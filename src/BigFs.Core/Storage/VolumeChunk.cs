using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>A chunk in a volume log. Logs are only appended to, so the lease needs nothing but the open file.</summary>
internal sealed class VolumeChunk(Volume volume, ChunkKey key, IndexEntry place, uint[] blocks) : StoredChunk
{
    /// <inheritdoc/>
    public override int Length => place.Length;

    /// <inheritdoc/>
    public override ReadOnlyMemory<uint> BlockChecksums => blocks;

    /// <summary>Where it stands.</summary>
    public IndexEntry Place => place;

    /// <inheritdoc/>
    public override ValueTask<ChunkStatus> ReadAsync(
        int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Length - offset);
        cancellationToken.ThrowIfCancellationRequested();

        // Not abandoned on cancellation: the disk would go on writing into the caller's memory.
        return blocks.Length == 1 && destination.Length == Length && !volume.IsIndexProven
            ? ReadDoubtedAsync(destination)
            : volume.ReadAsync(key, place.Offset + offset, destination);
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>
    /// Reads a chunk of one block whose place an index file tells. If that is wrong, nothing but the bytes shows it; a longer
    /// chunk's trailer has shown it before.
    /// </summary>
    private async ValueTask<ChunkStatus> ReadDoubtedAsync(Memory<byte> destination)
    {
        ChunkStatus status = await volume.ReadAsync(key, place.Offset, destination);
        return status == ChunkStatus.Ok
            && Crc32C.Compute(destination.Span) != place.Crc32C
            && await volume.IsMisplacedAsync(place)
            && await volume.FindAsync(key.Value) is { IsDeleted: false } right
            && (right.Length, right.Crc32C) == (place.Length, place.Crc32C)
            ? await volume.ReadAsync(key, right.Offset, destination)
            : status;
    }
}
