using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>
/// Ends a node manager's every further effect before its n-th step; steps are commits on the map and orders to datanodes.
/// </summary>
internal sealed class CrashPlan(int crashBefore)
{
    private int _steps;

    public bool HasCrashed => Volatile.Read(ref _steps) >= crashBefore;

    public void Step()
    {
        if (Interlocked.Increment(ref _steps) >= crashBefore)
        {
            throw new InvalidOperationException("crashed");
        }
    }

    public IVolumeMapStore Wrap(IVolumeMapStore store) => new Store(this, store);

    public IDataNodeDirectory Wrap(IDataNodeDirectory directory) => new Directory(this, directory);

    private sealed class Store(CrashPlan plan, IVolumeMapStore inner) : IVolumeMapStore
    {
        public ValueTask<VolumeMapContents> BeginTermAsync(CancellationToken cancellationToken) =>
            inner.BeginTermAsync(cancellationToken);

        public ValueTask<bool> CommitAsync(VolumeMapCommit commit, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.CommitAsync(commit, cancellationToken);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Directory(CrashPlan plan, IDataNodeDirectory inner) : IDataNodeDirectory
    {
        public IDataNode Get(ClusterNode node) => new Node(plan, inner.Get(node));
    }

    private sealed class Node(CrashPlan plan, IDataNode inner) : IDataNode
    {
        public ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken) =>
            inner.ProbeAsync(deadline, cancellationToken);

        public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.OpenVolumeAsync(order, cancellationToken);
        }

        public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.FenceAsync(order, cancellationToken);
        }

        public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.SealAsync(order, cancellationToken);
        }

        public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
            VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken) =>
            inner.ListChunksAsync(volume, after, limit, cancellationToken);

        public ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
            VolumeId volume, CancellationToken cancellationToken) => inner.DigestAsync(volume, cancellationToken);

        public ValueTask<ChunkStatus> FetchAsync(
            VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.FetchAsync(order, source, chunks, cancellationToken);
        }

        public ValueTask<ChunkStatus> DeleteAsync(
            VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.DeleteAsync(volume, keys, cancellationToken);
        }

        public ValueTask<ChunkStatus> DeleteAsync(
            VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.DeleteAsync(volume, keys, generation, cancellationToken);
        }

        public ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken)
        {
            plan.Step();
            return inner.AcceptGenerationAsync(generation, cancellationToken);
        }

        public ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken) =>
            inner.VerifyAsync(volume, key, cancellationToken);
    }
}
