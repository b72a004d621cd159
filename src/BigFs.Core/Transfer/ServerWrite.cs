using BigFs.Core.Faults;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Threading;

namespace BigFs.Core.Transfer;

/// <summary>
/// Takes one chunk: receives it into a buffer of the store, passes each piece on to the next member as it arrives, then
/// appends it while the next member's acknowledgement is on its way, and acknowledges when both are there. What fails is
/// answered at once; the rest of the payload is then received and forgotten, so that the writer, who may be in the middle
/// of it, reads the answer before the connection's end.
/// </summary>
internal sealed class ServerWrite(ServerContext context, BlockingConnection upstream, ulong requestId, WriteRequest request)
{
    /// <summary>Bytes received, passed on and checked at a time: they stay in the processor's cache between the three.</summary>
    private const int Piece = 256 << 10;

    private readonly ChunkAppend _append = request.ToAppend();
    private readonly Stall _stall = context.StallOfPeer();
    private int _received;
    private int _leftInFrame;
    private bool _writerIsGone;

    /// <summary>Runs to the answer; another request may follow on the connection.</summary>
    public void Run()
    {
        ErrorAnswer? failure = context.Refuse(request, _append, upstream.Peer) ?? Transfer();
        if (failure is { } error)
        {
            upstream.SendError(requestId, error, _stall);
            Drain();
        }
    }

    /// <returns>The failure, or null when the chunk was acknowledged.</returns>
    private ErrorAnswer? Transfer()
    {
        ChunkBuffer? buffer = Rent();
        if (buffer is null)
        {
            string text = $"Node {context.Store.Node} has no buffer free, and nothing frees one.";
            return context.ErrorHere(ChunkStatus.Busy, text);
        }

        Task<ChunkStatus>? append = null;
        using ChunkSender? relay = MakeRelay();
        try
        {
            ErrorAnswer? broken = Receive(buffer, relay);
            if (broken is not null)
            {
                return broken;
            }

            ChunkBuffer whole = buffer;
            buffer = null;
            return Conclude(append = Append(whole), relay);
        }
        finally
        {
            // The append owns the buffer: it does not outlive this request.
            buffer?.Dispose();
            if (append is not null)
            {
                Task.WaitAny(append);
            }
        }
    }

    /// <summary>
    /// Appends the chunk, which the append owns from here on. This thread has nothing else to do: it writes and flushes by itself
    /// when the volume's log is at rest, while another one tells the writer that it is worth while to wait, as long as it is.
    /// </summary>
    private Task<ChunkStatus> Append(ChunkBuffer buffer)
    {
        Task<ChunkStatus>? append = null;
        Func<bool> moves = Moves(() => context.Headway.Appended);
        var gate = new Lock();
        bool returned = false;
        TimeSpan interval = context.Options.WaitingInterval;
        using (context.Time.CreateTimer(_ => Tell(), null, interval, interval))
        {
            BlockingThreads.RunHere(() => append = AppendAsync(buffer));
            lock (gate)
            {
                returned = true;
            }
        }

        return append!;

        void Tell()
        {
            lock (gate)
            {
                if (!returned && !_writerIsGone && moves())
                {
                    TrySendWaiting();
                }
            }
        }
    }

    private ChunkSender? MakeRelay()
    {
        if (request.IsLast)
        {
            return null;
        }

        // The member behind is watched by a stall time-out of its own; the writer in front hears meanwhile that it is waited for.
        var stall = new Stall(context.Time, context.Relay.StallTimeout, context.Options.WaitingInterval, SendWaiting);
        return new ChunkSender(context.Relay, request with { Position = request.Position + 1 }, stall, context.Aborting);
    }

    /// <summary>Receives the chunk piece by piece, until it is whole or the member behind has failed.</summary>
    private ErrorAnswer? Receive(ChunkBuffer buffer, ChunkSender? relay)
    {
        ErrorAnswer? broken = Behind(() => relay?.BeginPatiently());
        while (_received < request.Length && broken is null)
        {
            Memory<byte> piece = ReceivePiece(buffer.Payload.Slice(_received, Math.Min(Piece, request.Length - _received)));
            context.Headway.CountReceived();
            if (relay is not null)
            {
                broken = Behind(() =>
                {
                    if (!relay.TrySend(piece.Span))
                    {
                        ChunkWriteResult answer = relay.Finish();
                        throw new TransferException(answer.Status, answer.Detail, answer.FailedNode);
                    }
                });
            }

            buffer.Checksums.Append(piece.Span);
        }

        return broken;
    }

    /// <summary>
    /// Waits for the flush here and the acknowledgements from behind, and passes them up with the own one in front.
    /// </summary>
    private ErrorAnswer? Conclude(Task<ChunkStatus> append, ChunkSender? relay)
    {
        // A flush is judged by whether appends end here.
        Wait(append, Moves(() => context.Headway.Appended));
        ChunkStatus status = append.GetAwaiter().GetResult();
        if (status != ChunkStatus.Ok)
        {
            return context.Refusal(request, status);
        }

        ChunkWriteResult behind = new() { Status = ChunkStatus.Ok };
#if BIGFS_FAULTS
        if (Canary.AcknowledgeEarly)
        {
            ReplicaAcknowledgement Assumed(NodeAddress member) => new(member.Id, request.Crc32C, context.Store.Durability);
            behind = behind with { Replicas = [.. request.Pipeline.Skip(request.Position + 1).Select(Assumed)] };
        }
#endif
        if (relay is not null && !Canary.AcknowledgeEarly && Behind(() => behind = relay.Finish()) is { } broken)
        {
            return broken;
        }

        if (behind.Status != ChunkStatus.Ok)
        {
            return new ErrorAnswer(behind.Status, behind.FailedNode ?? Next, behind.Detail);
        }

        // The epoch once more, in the step that acknowledges: a fence that came while the others flushed wins.
        status = context.Confirm(_append);
        if (status != ChunkStatus.Ok)
        {
            return context.Refusal(request, status);
        }

        // The store has verified the payload against the request's checksum, so that is the one computed here.
        var own = new ReplicaAcknowledgement(context.Store.Node, request.Crc32C, context.Store.Durability);
        Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];
        upstream.Send(FrameType.Written, requestId, message[..WriteAnswer.Encode([own, .. behind.Replicas], message)], _stall);
        return null;
    }

    private NodeId Next => request.Pipeline[request.Position + 1].Id;

    private async Task<ChunkStatus> AppendAsync(ChunkBuffer buffer)
    {
        ChunkStatus status = await context.Store.AppendAsync(_append, buffer, context.Aborting);
        context.Headway.CountAppended();
        return status;
    }

    /// <summary>Does something with the member behind; its failure is one of that member, or of the one that it names.</summary>
    private ErrorAnswer? Behind(Action step)
    {
        try
        {
            step();
            return null;
        }
        catch (TransferException fault) when (!_writerIsGone)
        {
            return new ErrorAnswer(fault.Status, fault.Node ?? Next, fault.Message);
        }
    }

    /// <summary>
    /// Receives and forgets what is left of the payload; a writer who has read the error just closes.
    /// </summary>
    private void Drain()
    {
        while (_received < request.Length)
        {
            NextFrame();
            upstream.Skip(_leftInFrame, _stall);
            _received += _leftInFrame;
            _leftInFrame = 0;
        }
    }

    /// <summary>Fills the piece, or as much of it as the present data frame has.</summary>
    private Memory<byte> ReceivePiece(Memory<byte> piece)
    {
        NextFrame();
        piece = piece[..Math.Min(piece.Length, _leftInFrame)];
        upstream.ReceiveAll(piece.Span, _stall);
        _received += piece.Length;
        _leftInFrame -= piece.Length;
        return piece;
    }

    private void NextFrame()
    {
        if (_leftInFrame > 0)
        {
            return;
        }

        FrameHeader header = upstream.ReceiveHeader(_stall);
        _leftInFrame = header.Type == FrameType.Data && header.RequestId == requestId
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
    private ChunkBuffer? Rent()
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.Aborting);
        ValueTask<ChunkBuffer> rented = context.Store.Buffers.RentAsync(request.Length, giveUp.Token);
        if (rented.IsCompletedSuccessfully)
        {
            return rented.Result;
        }

        Task<ChunkBuffer> renting = rented.AsTask();
        Func<bool> moves = Moves(() => context.Headway.Total);
        bool stuck = false;
        try
        {
            Wait(renting, () =>
            {
                bool moved = moves();
                stuck = !moved && request.Position > 0;
                if (stuck)
                {
                    giveUp.Cancel();
                }

                return moved;
            });
            return renting.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (stuck)
        {
            return null;
        }
        catch (TransferException)
        {
            // The writer is gone; the buffer may have come at the same moment.
            giveUp.Cancel();
            Task.WaitAny(renting);
            if (renting.IsCompletedSuccessfully)
            {
                renting.Result.Dispose();
            }

            throw;
        }
    }

    /// <summary>
    /// Waits for work to end, telling the writer at intervals that it is worth while, as long as it is.
    /// </summary>
    private void Wait(Task work, Func<bool> getsOn)
    {
        while (Task.WaitAny([work], context.Options.WaitingInterval) < 0)
        {
            if (getsOn() && !work.IsCompleted)
            {
                SendWaiting();
            }
        }
    }

    private void TrySendWaiting()
    {
        try
        {
            SendWaiting();
        }
        catch (TransferException)
        {
            // The writer is gone, and the answer will find it so.
            return;
        }
    }

    private void SendWaiting()
    {
        try
        {
            upstream.Send(FrameType.Waiting, requestId, [], _stall);
        }
        catch (TransferException)
        {
            _writerIsGone = true;
            throw;
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
}
