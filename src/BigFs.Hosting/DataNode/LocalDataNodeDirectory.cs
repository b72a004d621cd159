using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Hosting.DataNode;

/// <summary>The datanodes that run in this process, called directly. Thread-safe.</summary>
internal sealed class LocalDataNodeDirectory : IDataNodeDirectory
{
    private readonly ConcurrentDictionary<NodeId, DataNodeHost> _running = new();

    /// <inheritdoc/>
    public IDataNode Get(ClusterNode node) =>
        _running.TryGetValue(node.Id, out DataNodeHost? host) ? host.Node : AbsentDataNode.Instance;

    /// <summary>The chunks of a datanode that runs here; null when it does not.</summary>
    public IChunkStore? FindStore(NodeId node) => _running.TryGetValue(node, out DataNodeHost? host) ? host.Store : null;

    public void Add(DataNodeHost host) => _running[host.Store.Node] = host;

    public void Remove(DataNodeHost host) =>
        _running.TryRemove(new KeyValuePair<NodeId, DataNodeHost>(host.Store.Node, host));

    /// <summary>What a call on a datanode that does not run gives.</summary>
    private sealed class AbsentDataNode : IDataNode
    {
        public static AbsentDataNode Instance { get; } = new();

        public ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken) => new((NodeReport?)null);

        public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
            VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken) =>
            new((ChunkStatus.Unreachable, ImmutableArray<StoredChunkInfo>.Empty));

        public ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
            VolumeId volume, CancellationToken cancellationToken) => new((ChunkStatus.Unreachable, null));

        public ValueTask<ChunkStatus> FetchAsync(
            VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken) =>
            Unreachable();

        public ValueTask<ChunkStatus> DeleteAsync(
            VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<ChunkStatus> DeleteAsync(
            VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken) => Unreachable();

        public ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken) =>
            Unreachable();

        private static ValueTask<ChunkStatus> Unreachable() => new(ChunkStatus.Unreachable);
    }
}
