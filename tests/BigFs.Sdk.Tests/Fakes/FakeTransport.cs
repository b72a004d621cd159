using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;

namespace BigFs.Sdk.Tests.Fakes;

internal sealed class FakeTransport(FakeCluster cluster) : IChunkTransport
{
    private int _writing;
    private long _bytesWriting;
    private readonly Lock _lock = new();

    /// <summary>Called for each write before its bytes are taken; a status other than Ok makes it fail.</summary>
    public Func<ChunkGrant, CancellationToken, Task<(ChunkStatus Status, NodeId? Node)>>? OnWrite { get; set; }

    /// <summary>Called for each read; a status other than Ok makes it fail.</summary>
    public Func<NodeAddress, ChunkReference, CancellationToken, Task<ChunkStatus>>? OnRead { get; set; }

    public ConcurrentQueue<ChunkReference> Writes { get; } = new();

    public ConcurrentQueue<(NodeId Node, ChunkReference Chunk, int Offset, int Length)> Reads { get; } = new();

    public int MostWriting { get; private set; }

    public long MostBytesWriting { get; private set; }

    /// <summary>Whether it keeps what is written; false for uploads whose own memory is looked at.</summary>
    public bool Keeps { get; set; } = true;

    public BigFsDurability Durability { get; set; } = BigFsDurability.Flushed;

    public async ValueTask<ChunkWriteResult> WriteAsync(
        ChunkGrant grant, ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _writing++;
            _bytesWriting += payload.Length;
            MostWriting = Math.Max(MostWriting, _writing);
            MostBytesWriting = Math.Max(MostBytesWriting, _bytesWriting);
        }

        try
        {
            if (Keeps)
            {
                Writes.Enqueue(new ChunkReference(grant.Volume, grant.Key, payload.Length, crc32C));
            }

            (ChunkStatus status, NodeId? node) = OnWrite is { } hook
                ? await hook(grant, cancellationToken)
                : (ChunkStatus.Ok, null);
            if (cluster.IsOutdated(grant.Capability))
            {
                (status, node) = (ChunkStatus.NotAllowed, grant.Pipeline[0].Id);
            }

            foreach (NodeAddress member in grant.Pipeline.Where(member => cluster.Down.ContainsKey(member.Id)))
            {
                (status, node) = (ChunkStatus.Unreachable, member.Id);
            }

            if (status != ChunkStatus.Ok)
            {
                return new ChunkWriteResult { Status = status, FailedNode = node, Detail = "Made to fail." };
            }

            Assert.That(Crc32C.Compute(payload.Span), Is.EqualTo(crc32C), "the buffer changed under way");
            foreach (NodeAddress member in Keeps ? grant.Pipeline : [])
            {
                Assert.That(cluster.Stored.TryAdd((member.Id, grant.Key), payload.ToArray()), "a key was used twice");
            }

            return new ChunkWriteResult
            {
                Status = ChunkStatus.Ok,
                Replicas = [.. grant.Pipeline.Select(member => new ReplicaAcknowledgement(member.Id, crc32C, Durability))],
            };
        }
        finally
        {
            lock (_lock)
            {
                _writing--;
                _bytesWriting -= payload.Length;
            }
        }
    }

    public async ValueTask<ChunkReadResult> ReadAsync(
        NodeAddress node,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken)
    {
        if (cluster.IsOutdated(capability))
        {
            return new ChunkReadResult(ChunkStatus.NotAllowed);
        }

        Reads.Enqueue((node.Id, chunk, offset, destination.Length));
        ChunkStatus status = OnRead is { } hook ? await hook(node, chunk, cancellationToken) : ChunkStatus.Ok;
        if (status != ChunkStatus.Ok)
        {
            return new ChunkReadResult(status);
        }

        if (cluster.Down.ContainsKey(node.Id))
        {
            return new ChunkReadResult(ChunkStatus.Unreachable);
        }

        if (!cluster.Stored.TryGetValue((node.Id, chunk.Key), out byte[]? bytes))
        {
            return new ChunkReadResult(ChunkStatus.ChunkNotFound);
        }

        if (bytes.Length != chunk.Length || Crc32C.Compute(bytes) != chunk.Crc32C)
        {
            return new ChunkReadResult(ChunkStatus.Damaged);
        }

        bytes.AsMemory(offset, destination.Length).CopyTo(destination);
        return new ChunkReadResult(ChunkStatus.Ok, Crc32C.Compute(destination.Span));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
