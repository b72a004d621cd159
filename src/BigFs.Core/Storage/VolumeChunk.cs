using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// A chunk in a volume log. It holds the log's file, so that it can be read on when the volume is compacted; bytes of a log
/// are never changed.
/// </summary>
internal sealed class VolumeChunk(Volume volume, LogFile log, ChunkKey key, IndexEntry place, uint[] blocks) : StoredChunk
{
    private int _isDisposed;

    /// <inheritdoc/>
    public override int Length => place.Length;

    /// <inheritdoc/>
    public override ReadOnlyMemory<uint> BlockChecksums => blocks;

    /// <summary>Where it stands.</summary>
    public IndexEntry Place => place;

    /// <inheritdoc/>
    public override bool TryGetFile([NotNullWhen(true)] out SafeFileHandle? file, out long offset)
    {
        bool isDoubted = blocks.Length == 1 && !volume.IsIndexProven; // its bytes are looked at first
        file = isDoubted ? null : log.File.Handle;
        offset = place.Offset;
        return file is not null;
    }

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
            : volume.ReadAsync(log, key, place.Offset + offset, destination);
    }

    /// <summary>As <see cref="ReadAsync"/>, but from the disk itself; the range must lie in the payload.</summary>
    public ValueTask<ChunkStatus> ReadPastCacheAsync(int offset, Memory<byte> destination) =>
        volume.ReadAsync(log, key, place.Offset + offset, destination, isPastCache: true);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() =>
        Interlocked.Exchange(ref _isDisposed, 1) == 0 ? log.ReleaseAsync() : ValueTask.CompletedTask;

    /// <summary>
    /// Reads a chunk of one block whose place an index file tells. If that is wrong, nothing but the bytes shows it; a longer
    /// chunk's trailer has shown it before.
    /// </summary>
    private async ValueTask<ChunkStatus> ReadDoubtedAsync(Memory<byte> destination)
    {
        ChunkStatus status = await volume.ReadAsync(log, key, place.Offset, destination);
        if (status != ChunkStatus.Ok
            || Crc32C.Compute(destination.Span) == place.Crc32C
            || !await volume.IsMisplacedAsync(place))
        {
            return status;
        }

        (ChunkStatus found, StoredChunk? chunk) = await volume.OpenAsync(key);
        await using StoredChunk? right = chunk;
        return right is VolumeChunk { Place: var now } && (now.Length, now.Crc32C) == (place.Length, place.Crc32C)
            ? await right.ReadAsync(0, destination, CancellationToken.None)
            : found == ChunkStatus.Ok ? status : found;
    }
}
