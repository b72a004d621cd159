using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Takes one small chunk that has arrived whole: passes it on to the next member, appends it meanwhile, and acknowledges
/// when both have ended. Many run at a time on one connection, and share the store's flushes.
/// </summary>
internal sealed class SmallWrite(ServerContext context, MultiplexedSocket upstream, ulong requestId, WriteRequest request)
{
    private readonly ChunkAppend _append = request.ToAppend();

    /// <summary>Why the write is not taken, before anything was done for it; null when it is.</summary>
    public ErrorAnswer? Refuse() => context.Refuse(request, _append, upstream.Peer);

    /// <summary>
    /// Rents a buffer; waiting for one holds the connection back. A later member gives up when nothing moves between two
    /// looks, since two nodes could be waiting for each other's.
    /// </summary>
    /// <returns>Null when it gave up.</returns>
    public async ValueTask<ChunkBuffer?> RentAsync()
    {
        if (context.Store.Buffers.TryRent(request.Length, out ChunkBuffer? free))
        {
            return free;
        }

        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.Aborting, upstream.Aborted);
        Task<ChunkBuffer> renting = context.Store.Buffers.RentAsync(request.Length, giveUp.Token).AsTask();
        long seen = context.Headway.Total;
        while (true)
        {
            await Task.WhenAny(renting, Task.Delay(context.Options.WaitingInterval, context.Time, giveUp.Token));
            if (renting.IsCompleted)
            {
                return await renting;
            }

            long now = context.Headway.Total;
            if (now == seen && request.Position > 0)
            {
                await giveUp.CancelAsync();
                await renting.Settled();
                return renting.IsCompletedSuccessfully ? await renting : null;
            }

            seen = now;
        }
    }

    /// <summary>Runs to the answer; owns the buffer, which holds the chunk.</summary>
    /// <param name="buffer">The chunk.</param>
    /// <param name="relayEnded">Called when nothing is awaited from behind any more.</param>
    public async Task RunAsync(ChunkBuffer buffer, Action relayEnded)
    {
        Task<ChunkWriteResult>? relay = null;
        if (!request.IsLast)
        {
            // The append takes the buffer over, so it begins when the relay has copied from it.
            var copied = new TaskCompletionSource();
            relay = RelayAsync(buffer, copied.SetResult, relayEnded);
            if (!copied.Task.IsCompleted && await Task.WhenAny(copied.Task, relay) == relay)
            {
                buffer.Dispose();
                Refuse(Behind(await relay));
                return;
            }
        }

        ChunkStatus status = await context.Store.AppendAsync(_append, buffer, context.Aborting);
        context.Headway.CountAppended();
        if (status != ChunkStatus.Ok)
        {
            Refuse(context.Refusal(request, status));
            return;
        }

        ChunkWriteResult behind = relay is null ? new ChunkWriteResult { Status = ChunkStatus.Ok } : await relay;
        if (behind.Status != ChunkStatus.Ok)
        {
            Refuse(Behind(behind));
            return;
        }

        Acknowledge(behind);
    }

    private async Task<ChunkWriteResult> RelayAsync(ChunkBuffer buffer, Action copied, Action ended)
    {
        try
        {
            return await context.SmallRelay.WriteAsync(
                request with { Position = request.Position + 1 }, buffer.Payload, copied, context.Aborting);
        }
        finally
        {
            ended();
        }
    }

    private void Acknowledge(ChunkWriteResult behind)
    {
        // The epoch once more, in the step that acknowledges: a fence that came while the others flushed wins.
        ChunkStatus status = context.Confirm(_append);
        if (status != ChunkStatus.Ok)
        {
            Refuse(context.Refusal(request, status));
            return;
        }

        var own = new ReplicaAcknowledgement(context.Store.Node, request.Crc32C, context.Store.Durability);
        Span<byte> message = stackalloc byte[WriteAnswer.MaxBytes];
        upstream.Post(FrameType.Written, requestId, message[..WriteAnswer.Encode([own, .. behind.Replicas], message)]);
    }

    private ErrorAnswer Behind(ChunkWriteResult result) =>
        new(result.Status, result.FailedNode ?? request.Pipeline[request.Position + 1].Id, result.Detail);

    private void Refuse(ErrorAnswer error) => upstream.PostError(requestId, error);
}
