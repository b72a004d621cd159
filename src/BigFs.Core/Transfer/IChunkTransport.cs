using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The data plane from the caller's side: writes chunks through pipelines and reads them from replicas. Implemented over
/// TCP and, for one process, directly on the stores. Expected failures are values. Thread-safe.
/// </summary>
public interface IChunkTransport : IAsyncDisposable
{
    /// <summary>
    /// Writes one chunk through the grant's pipeline and returns when every member has flushed it, or one has failed.
    /// </summary>
    /// <param name="grant">Where it goes.</param>
    /// <param name="payload">The bytes; read until the call returns.</param>
    /// <param name="crc32C">Their checksum, made where the bytes came into being.</param>
    /// <param name="cancellationToken">Ends the write; the chunk may be on some members then.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<ChunkWriteResult> WriteAsync(
        ChunkGrant grant, ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken);

    /// <summary>
    /// Reads a range of one chunk from one replica and verifies it: the block checksums that the replica sends must
    /// combine to the reference's checksum, and each block read must match its own. Fills the destination with verified
    /// bytes, or returns a failure and leaves it undefined.
    /// </summary>
    /// <param name="node">The replica to ask.</param>
    /// <param name="chunk">The chunk, with the length and checksum that its manifest states.</param>
    /// <param name="capability">What allows it, as the volume's location has it.</param>
    /// <param name="offset">First byte wanted.</param>
    /// <param name="destination">As long as the bytes wanted; must end within the chunk.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<ChunkReadResult> ReadAsync(
        NodeAddress node,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken);
}

/// <summary>What came of a read.</summary>
/// <param name="Status">Ok when the destination holds the bytes that the chunk's writer wrote.</param>
/// <param name="Crc32C">Then their checksum, which the verification has made anyway.</param>
public readonly record struct ChunkReadResult(ChunkStatus Status, uint Crc32C = 0);

/// <summary>What came of a write.</summary>
public sealed record ChunkWriteResult
{
    /// <summary>Ok when every member flushed and confirmed length and checksum.</summary>
    public required ChunkStatus Status { get; init; }

    /// <summary>On failure, the member that failed, as far as it is known.</summary>
    public NodeId? FailedNode { get; init; }

    /// <summary>On failure, a sentence for logs and errors.</summary>
    public string Detail { get; init; } = "";

    /// <summary>On success, each member and what its acknowledgement rests on.</summary>
    public ImmutableArray<ReplicaAcknowledgement> Replicas { get; init; } = [];
}

/// <summary>One replica's word that it holds the chunk.</summary>
/// <param name="Node">The datanode.</param>
/// <param name="Crc32C">The checksum that it computed over what it received.</param>
/// <param name="Durability">What its acknowledgement rests on.</param>
public readonly record struct ReplicaAcknowledgement(NodeId Node, uint Crc32C, BigFsDurability Durability);
