using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The data plane as those see it who look after replicas: copies many chunks at once, and has them checked where they
/// are. Implemented over TCP and, for one process, directly on the stores. Expected failures are values. Thread-safe.
/// </summary>
public interface IReplicaTransport
{
    /// <summary>
    /// Copies a page of a volume from one node: the chunks named, or all behind a key. Each chunk whose bytes match the
    /// checksum that came with it is handed over as it comes.
    /// </summary>
    /// <param name="page">What is wanted from whom.</param>
    /// <param name="buffers">Where the chunks' buffers come from; while none is free nothing is received.</param>
    /// <param name="take">
    /// Takes a chunk and its buffer over, or a delete mark without one; called one at a time. False ends the copy.
    /// </param>
    /// <param name="cancellationToken">Ends the copy.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<VolumePageResult> CopyAsync(
        VolumePage page,
        ChunkBufferPool buffers,
        Func<StoredChunkInfo, ChunkBuffer?, bool> take,
        CancellationToken cancellationToken);

    /// <summary>Has a node reread and check a range of a chunk.</summary>
    /// <param name="node">The replica to ask.</param>
    /// <param name="volume">The volume.</param>
    /// <param name="key">The chunk.</param>
    /// <param name="range">First byte and bytes; default for the whole chunk.</param>
    /// <param name="capability">What allows it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Ok with what the node holds: to be compared with the manifest; or why it does not vouch for it.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<(ChunkStatus Status, StoredChunkInfo Chunk)> VerifyAsync(
        NodeAddress node,
        VolumeId volume,
        ChunkKey key,
        (int Offset, int Length) range,
        ImmutableArray<byte> capability,
        CancellationToken cancellationToken);
}

/// <summary>A page of a volume that is to be copied.</summary>
public sealed record VolumePage
{
    /// <summary>Most keys that may be named at once.</summary>
    public const int MaxKeys = CopyRequest.MaxKeys;

    /// <summary>Who has it.</summary>
    public required NodeAddress Source { get; init; }

    /// <summary>The volume.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>What allows it.</summary>
    public required ImmutableArray<byte> Capability { get; init; }

    /// <summary>Which chunks, ascending by key, at most <see cref="MaxKeys"/>; empty for all behind <see cref="After"/>.</summary>
    public ImmutableArray<ChunkKey> Keys { get; init; } = [];

    /// <summary>With no keys named: the page begins behind this one; default at the volume's beginning.</summary>
    public ChunkKey After { get; init; }

    /// <summary>The page ends with the chunk that reaches so many bytes; default 64 MiB.</summary>
    public uint MaxBytes { get; init; } = 64 << 20;
}

/// <summary>What came of copying a page.</summary>
public sealed record VolumePageResult
{
    /// <summary>
    /// Ok when the page is complete; else the first failure, also of a single chunk that was named. What was handed over
    /// is good either way.
    /// </summary>
    public required ChunkStatus Status { get; init; }

    /// <summary>The last key that was handed over or passed by: where a further page, or another try, begins behind.</summary>
    public required ChunkKey Last { get; init; }

    /// <summary>Whether there is more behind it.</summary>
    public required bool HasMore { get; init; }

    /// <summary>On failure, a sentence for logs.</summary>
    public string Detail { get; init; } = "";
}
