using System.Buffers;
using BigFs.Core.Faults;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Takes one chunk: receives it into a buffer of the store, passes each frame on to the next member as it arrives, then
/// appends it while the next member's acknowledgement is on its way, and acknowledges when both are there. What fails is
/// answered at once; the rest of the payload is then received and forgotten, so that the writer, who may be in the middle
/// of it, reads the answer before the connection's end.
/// </summary>
internal sealed class ServerWrite(ServerContext context, FrameConnection upstream, ulong requestId, WriteRequest request)
{
    private int _received;

    /// <returns>Whether another request may follow on the connection.</returns>
    public async Task<bool> RunAsync()
    {
        ErrorAnswer? failure = Refuse() ?? await TransferAsync();
        if (failure is { } error)
        {
            upstream.Watch.Arm(context.Options.StallTimeout);
            await upstream.SendErrorAsync(requestId, error);
            await DrainAsync();
        }

        return true;
    }

    private ErrorAnswer? Refuse()
    {
        NodeId here = context.Store.Node;
        if (request.Target.Id != here)
        {
            return new ErrorAnswer(
                ChunkStatus.Unreachable,
                request.Target.Id,
                $"Node {here} listens where node {request.Target.Id} was expected.");
        }

        ChunkStatus status = context.Store.Check(request.ToAppend());
        return status == ChunkStatus.Ok ? null : Refusal(status);
    }

    /// <returns>The failure, or null when the chunk was acknowledged.</returns>
    private async Task<ErrorAnswer?> TransferAsync()
    {
        upstream.Watch.Rest();
        ChunkBuffer? buffer = await RentAsync();
        if (buffer is null)
        {
            string text = $"Node {context.Store.Node} has no buffer free, and nothing frees one.";
            return context.ErrorHere(ChunkStatus.Busy, text);
        }

        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.Aborting);
        var source = new PayloadSource(buffer.Payload, 0, heldUntilAnswer: false);
        Task<ChunkWriteResult> relay = RelayAsync(source, giveUp.Token);
        Task<ChunkStatus>? append = null;
        try
        {
            await ReceiveAsync(buffer, source, relay);
            if (_received == request.Length)
            {
                await WaitAsync(Task.WhenAny(source.Sent, relay), () => true);
            }

            if (relay.IsCompleted && await relay is { Status: not ChunkStatus.Ok } broken)
            {
                return Behind(broken);
            }

            append = AppendAsync(buffer);
            buffer = null;
            return await ConcludeAsync(append, relay);
        }
        finally
        {
            // The relay sends from the buffer, and the append owns it: neither outlives this request.
            await giveUp.CancelAsync();
            await relay.Settled();
            buffer?.Dispose();
            if (append is not null)
            {
                await append.Settled();
            }
        }
    }

    /// <summary>
    /// Waits for the flush here and the acknowledgements from behind, and passes them up with the own one in front.
    /// </summary>
    private async Task<ErrorAnswer?> ConcludeAsync(Task<ChunkStatus> append, Task<ChunkWriteResult> relay)
    {
        // A flush is judged by whether appends end here; the members behind are watched by the relay's own stall time-out.
        await WaitAsync(append, Moves(() => context.Headway.Appended));
        ChunkStatus status = await append;
        if (status != ChunkStatus.Ok)
        {
            return Refusal(status);
        }

#if BIGFS_FAULTS
        if (Canary.AcknowledgeEarly)
        {
            ReplicaAcknowledgement Assumed(NodeAddress member) => new(member.Id, request.Crc32C, context.Store.Durability);
            relay = Task.FromResult(new ChunkWriteResult
            {
                Status = ChunkStatus.Ok,
                Replicas = [.. request.Pipeline.Skip(request.Position + 1).Select(Assumed)],
            });
        }
#endif
        await WaitAsync(relay, () => true);
        ChunkWriteResult behind = await relay;
        if (behind.Status != ChunkStatus.Ok)
        {
            return Behind(behind);
        }

        // The store has verified the payload against the request's checksum, so that is the one computed here.
        var own = new ReplicaAcknowledgement(context.Store.Node, request.Crc32C, context.Store.Durability);
        var message = new byte[FrameHeader.MaxMessage];
        int length = WriteAnswer.Encode([own, .. behind.Replicas], message);
        upstream.Watch.Arm(context.Options.StallTimeout);
        await upstream.SendAsync(FrameType.Written, requestId, message.AsMemory(0, length));
        return null;
    }

    private async Task<ChunkStatus> AppendAsync(ChunkBuffer buffer)
    {
        ChunkStatus status = await context.Store.AppendAsync(request.ToAppend(), buffer, context.Aborting);
        context.Headway.CountAppended();
        return status;
    }

    private Task<ChunkWriteResult> RelayAsync(PayloadSource source, CancellationToken cancellationToken)
    {
        if (request.IsLast)
        {
            source.MarkSent();
            return Task.FromResult(new ChunkWriteResult { Status = ChunkStatus.Ok });
        }

        return context.Sender.SendAsync(request with { Position = request.Position + 1 }, source, cancellationToken);
    }

    /// <summary>Receives frames until the chunk is whole or the member behind has failed.</summary>
    private async Task ReceiveAsync(ChunkBuffer buffer, PayloadSource source, Task<ChunkWriteResult> relay)
    {
        upstream.Watch.Arm(context.Options.StallTimeout);
        while (_received < request.Length && (request.IsLast || !relay.IsCompleted))
        {
            int length = await ReceiveDataHeaderAsync();
            await upstream.ReceiveAsync(buffer.Payload.Slice(_received, length));
            _received += length;
            context.Headway.CountReceived();
            source.Advance(length);
        }

        upstream.Watch.Rest();
    }

    /// <summary>
    /// Receives and forgets what is left of the payload; a writer who has read the error just closes.
    /// </summary>
    private async Task DrainAsync()
    {
        byte[] scratch = ArrayPool<byte>.Shared.Rent(FrameHeader.MaxData);
        try
        {
            while (_received < request.Length)
            {
                int length = await ReceiveDataHeaderAsync();
                await upstream.ReceiveAsync(scratch.AsMemory(0, length));
                _received += length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    private async ValueTask<int> ReceiveDataHeaderAsync()
    {
        FrameHeader header = await upstream.ReceiveHeaderAsync();
        return header.Type == FrameType.Data && header.RequestId == requestId
            && header.Length > 0 && header.Length <= request.Length - _received
            ? header.Length
            : throw new TransferException(
                ChunkStatus.Malformed, $"{upstream.Peer} sent something else than the data of its write, or more of it.");
    }

    /// <summary>
    /// Rents a buffer, which is how a busy node holds its writers back: their bytes stay where they are meanwhile. The first
    /// member waits as long as it takes, for it holds nothing up. A later one has the earlier ones' buffers waiting for it;
    /// when nothing moves here between two looks, it gives up, since two nodes could be waiting for each other's.
    /// </summary>
    private async Task<ChunkBuffer?> RentAsync()
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.Aborting);
        Task<ChunkBuffer> renting = context.Store.Buffers.RentAsync(request.Length, giveUp.Token).AsTask();
        Func<bool> moves = Moves(() => context.Headway.Total);
        bool stuck = false;
        try
        {
            await WaitAsync(renting, () =>
            {
                bool moved = moves();
                stuck = !moved && request.Position > 0;
                if (stuck)
                {
                    giveUp.Cancel();
                }

                return moved;
            });
            return await renting;
        }
        catch (OperationCanceledException) when (stuck)
        {
            return null;
        }
        catch (TransferException)
        {
            // The writer is gone; the buffer may have come at the same moment.
            await giveUp.CancelAsync();
            await renting.Settled();
            if (renting.IsCompletedSuccessfully)
            {
                (await renting).Dispose();
            }

            throw;
        }
    }

    /// <summary>
    /// Waits for work to end, telling the writer at intervals that it is worth while, as long as it is.
    /// </summary>
    private async Task WaitAsync(Task work, Func<bool> getsOn)
    {
        while (!work.IsCompleted)
        {
            using var ended = new CancellationTokenSource();
            await Task.WhenAny(work, Task.Delay(context.Options.WaitingInterval, context.Time, ended.Token));
            await ended.CancelAsync();
            if (!work.IsCompleted && getsOn())
            {
                await upstream.SendAsync(FrameType.Waiting, requestId, ReadOnlyMemory<byte>.Empty);
            }
        }
    }

    /// <summary>Tells at each look whether a count has changed since the one before.</summary>
    private static Func<bool> Moves(Func<long> count)
    {
        long seen = count();
        return () =>
        {
            long before = seen;
            seen = count();
            return seen != before;
        };
    }

    private ErrorAnswer Refusal(ChunkStatus status) => context.ErrorHere(
        status, $"Node {context.Store.Node} did not take chunk {request.Key} into volume {request.Volume}: {status}.");

    private ErrorAnswer Behind(ChunkWriteResult result) =>
        new(result.Status, result.FailedNode ?? request.Pipeline[request.Position + 1].Id, result.Detail);
}
