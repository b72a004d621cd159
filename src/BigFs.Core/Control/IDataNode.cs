using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Control;

/// <summary>
/// A datanode's control side: what node manager and metadata server order. Expected failures are values; a node that
/// cannot be reached gives <see cref="ChunkStatus.Unreachable"/>, one that does not answer in time
/// <see cref="ChunkStatus.Stalled"/>. Thread-safe.
/// </summary>
public interface IDataNode
{
    /// <summary>Who and how the node is; null when it did not answer within the deadline.</summary>
    ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.OpenVolumeAsync"/>.</summary>
    ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.FenceAsync"/>.</summary>
    ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.SealAsync"/>.</summary>
    ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken);

    /// <summary><see cref="IChunkStore.ListChunksAsync"/>.</summary>
    ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.DigestAsync"/>.</summary>
    ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken);

    /// <summary>
    /// Has the node copy chunks from a peer and adopt those that are as they are described; Ok when all were. At most 512,
    /// none twice.
    /// </summary>
    ValueTask<ChunkStatus> FetchAsync(
        VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken);

    /// <summary>Repeats the delete marks of a peer: <see cref="IVolumeStore.DeleteAsync(VolumeId, ImmutableArray{ChunkKey}, CancellationToken)"/>.</summary>
    ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken);

    /// <summary>
    /// Carries out what the namespace has deleted:
    /// <see cref="IVolumeStore.DeleteAsync(VolumeId, ImmutableArray{ChunkKey}, long, CancellationToken)"/>.
    /// </summary>
    ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.AcceptGenerationAsync"/>.</summary>
    ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken);

    /// <summary><see cref="IVolumeStore.VerifyAsync"/>.</summary>
    ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken);
}

/// <summary>A node to copy from, and the node manager's leave to do so.</summary>
/// <param name="Node">Who has the chunks.</param>
/// <param name="Capability">The capability that it asks for; opaque to who copies.</param>
public sealed record CopySource(NodeAddress Node, ImmutableArray<byte> Capability);

/// <summary>Who and how a datanode is: its registration, and its answer to a probe.</summary>
public sealed record NodeReport
{
    /// <summary>Its identity.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The cluster it belongs to; null before its first registration.</summary>
    public required Guid? ClusterId { get; init; }

    /// <summary>A random number of this start of the process: another one means that it was restarted.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Whether it was stopped cleanly before this start (or starts for the first time).</summary>
    public required bool CleanStart { get; init; }

    /// <summary>Where its transfer protocol listens; empty in process.</summary>
    public required string TransferEndpoint { get; init; }

    /// <summary>Where its control service listens; empty in process.</summary>
    public required string ControlEndpoint { get; init; }

    /// <summary>Its volumes.</summary>
    public required ImmutableArray<VolumeReport> Volumes { get; init; }
}

/// <summary>Reaches datanodes by their address in the map.</summary>
public interface IDataNodeDirectory
{
    /// <summary>The control side of a node.</summary>
    IDataNode Get(ClusterNode node);
}
