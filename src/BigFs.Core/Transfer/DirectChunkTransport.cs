using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The data plane within one process: calls the nodes' stores directly and opens no port. The promises are those of
/// <see cref="TcpChunkTransport"/>: the store verifies what is written, and what is read is verified against the
/// reference. A write goes to all members side by side, since there is no link to spare, each with a copy in a buffer of
/// its own; it returns when all have ended. Capabilities are not asked for: whoever can call it holds the stores
/// themselves. Thread-safe.
/// </summary>
/// <param name="stores">The store of a node; null when the node is not in this process or down.</param>
public sealed class DirectChunkTransport(Func<NodeId, IChunkStore?> stores) : IChunkTransport, IReplicaTransport
{
    /// <inheritdoc/>
    public async ValueTask<ChunkWriteResult> WriteAsync(
        ChunkGrant grant, ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken)
    {
        ChunkRules.CheckWrite(grant, payload);
        var append = new ChunkAppend(
            grant.Volume, grant.Epoch, [.. grant.Pipeline.Select(member => member.Id)], grant.Key, payload.Length, crc32C);
        ImmutableArray<IChunkStore?> members = [.. grant.Pipeline.Select(member => stores(member.Id))];

        // Nothing is written anywhere when it is known beforehand that some member cannot take it.
        ImmutableArray<ChunkStatus> checks =
            [.. members.Select(store => store?.Check(append) ?? ChunkStatus.Unreachable)];
        ChunkWriteResult? refused = FirstFailure(grant, checks);
        if (refused is not null)
        {
            return refused;
        }

        ChunkStatus[] statuses = await Task.WhenAll(
            members.Select(store => AppendAsync(store!, append, payload, cancellationToken)));
        return FirstFailure(grant, [.. statuses]) ?? new ChunkWriteResult
        {
            Status = ChunkStatus.Ok,
            Replicas = [.. members.Select(store => new ReplicaAcknowledgement(store!.Node, crc32C, store.Durability))],
        };
    }

    /// <inheritdoc/>
    public async ValueTask<ChunkReadResult> ReadAsync(
        NodeAddress node,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken)
    {
        ChunkRules.CheckRead(chunk, capability, offset, destination);
        if (stores(node.Id) is not { } store)
        {
            return new ChunkReadResult(ChunkStatus.Unreachable);
        }

        try
        {
            return await ReadAsync(store, chunk, offset, destination, cancellationToken);
        }
        catch (ObjectDisposedException)
        {
            // The node was stopped while the read was under way, as when a connection breaks.
            return new ChunkReadResult(ChunkStatus.Unreachable);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<VolumePageResult> CopyAsync(
        VolumePage page,
        ChunkBufferPool buffers,
        Func<StoredChunkInfo, ChunkBuffer?, bool> take,
        CancellationToken cancellationToken)
    {
        ChunkRules.CheckPage(page);
        ChunkKey last = page.After;
        try
        {
            if (stores(page.Source.Id) is not { } store)
            {
                return new VolumePageResult { Status = ChunkStatus.Unreachable, Last = last, HasMore = true };
            }

            return await new DirectCopy(store, page, buffers, Take, cancellationToken).RunAsync();
        }
        catch (ObjectDisposedException)
        {
            return new VolumePageResult { Status = ChunkStatus.Unreachable, Last = last, HasMore = true };
        }

        bool Take(StoredChunkInfo chunk, ChunkBuffer? buffer)
        {
            last = chunk.Key;
            return take(chunk, buffer);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<(ChunkStatus Status, StoredChunkInfo Chunk)> VerifyAsync(
        NodeAddress node,
        VolumeId volume,
        ChunkKey key,
        (int Offset, int Length) range,
        ImmutableArray<byte> capability,
        CancellationToken cancellationToken)
    {
        if (stores(node.Id) is not { } store)
        {
            return (ChunkStatus.Unreachable, default);
        }

        try
        {
            (ChunkStatus status, StoredChunk? stored) = await store.OpenAsync(volume, key, cancellationToken);
            if (stored is null)
            {
                return (status, default);
            }

            await using (stored)
            {
                var chunk = new StoredChunkInfo(
                    key, stored.Length, BlockChecksums.Combine(stored.BlockChecksums.Span, stored.Length), Deleted: false);
                int length = range.Length > 0 ? range.Length : stored.Length - range.Offset;
                if (range.Offset + (long)length > stored.Length || length <= 0)
                {
                    return (ChunkStatus.Malformed, default);
                }

                (status, _) = await BlockRange.ReadAsync(
                    stored.Length,
                    stored.BlockChecksums,
                    range.Offset,
                    new byte[length],
                    (start, piece) => stored.ReadAsync(start, piece, cancellationToken));
                return (status, status == ChunkStatus.Ok ? chunk : default);
            }
        }
        catch (ObjectDisposedException)
        {
            return (ChunkStatus.Unreachable, default);
        }
    }

    /// <summary>Holds nothing.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async ValueTask<ChunkReadResult> ReadAsync(
        IChunkStore store, ChunkReference chunk, int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        (ChunkStatus status, StoredChunk? stored) = await store.OpenAsync(chunk.Volume, chunk.Key, cancellationToken);
        if (stored is null)
        {
            return new ChunkReadResult(status);
        }

        await using (stored)
        {
            store.Traffic?.Read(destination.Length);
            return stored.Length == chunk.Length && BlockRange.Vouches(stored.BlockChecksums.Span, chunk)
                ? await BlockRange.ReadAsync(
                    chunk.Length,
                    stored.BlockChecksums,
                    offset,
                    destination,
                    (start, piece) => stored.ReadAsync(start, piece, cancellationToken))
                : new ChunkReadResult(ChunkStatus.Damaged);
        }
    }

    private static async Task<ChunkStatus> AppendAsync(
        IChunkStore store, ChunkAppend append, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        try
        {
            ChunkBuffer buffer = await store.Buffers.RentAsync(payload.Length, cancellationToken);
            payload.CopyTo(buffer.Payload);
            return await store.AppendAsync(append, buffer, cancellationToken);
        }
        catch (ObjectDisposedException)
        {
            // The node was stopped while the write was on its way, as when a connection breaks.
            return ChunkStatus.Unreachable;
        }
    }

    private static ChunkWriteResult? FirstFailure(ChunkGrant grant, ImmutableArray<ChunkStatus> statuses)
    {
        for (int i = 0; i < statuses.Length; i++)
        {
            if (statuses[i] != ChunkStatus.Ok)
            {
                NodeId node = grant.Pipeline[i].Id;
                return ChunkSender.Failure(statuses[i], node, $"Node {node} refused chunk {grant.Key}: {statuses[i]}.");
            }
        }

        return null;
    }
}
