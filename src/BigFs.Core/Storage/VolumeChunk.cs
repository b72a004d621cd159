using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Model;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>A chunk in a volume log. Logs are only appended to, so the lease needs nothing but the open file.</summary>
internal sealed class VolumeChunk(Volume volume, ChunkKey key, IndexedChunk place, uint[] blocks) : StoredChunk
{
    /// <inheritdoc/>
    public override int Length => place.Length;

    /// <inheritdoc/>
    public override ReadOnlyMemory<uint> BlockChecksums => blocks;

    /// <inheritdoc/>
    public override bool TryGetFile([NotNullWhen(true)] out SafeFileHandle? file, out long offset)
    {
        file = volume.Handle;
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
        return volume.ReadAsync(key, place.Offset + offset, destination);
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
