using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Serves one multiplexed connection: takes requests as they come, many at a time, and answers in the order in which they
/// end, until the peer goes, errs or the server stops.
/// </summary>
internal sealed class MultiplexedServer : IAsyncDisposable
{
    /// <summary>Requests under way on one connection; beyond them nothing is read, which holds the peer back.</summary>
    private const int MostRequests = 256;

    /// <summary>Bytes of answers waiting to leave, beyond which nothing is read.</summary>
    private const int MostBacklog = 4 << 20;

    private readonly ServerContext _context;
    private readonly MultiplexedSocket _socket;
    private readonly SemaphoreSlim _room = new(MostRequests, MostRequests);
    private readonly CancellationTokenSource _stop;
    private readonly ITimer _ticker;
    private long _movedAt;
    private long _headway;
    private readonly Action _relayEnded;
    private int _relayed;
    private volatile bool _isHolding;
    private (ulong Id, WriteRequest Request)? _write;

    /// <summary>Takes a socket over, past its hello.</summary>
    public MultiplexedServer(ServerContext context, MultiplexedSocket socket)
    {
        _context = context;
        _socket = socket;
        _socket.HasCompany = () => _room.CurrentCount < MostRequests - 1;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(_socket.Aborted);
        _relayEnded = () => Interlocked.Decrement(ref _relayed);
        _movedAt = context.Time.GetTimestamp();
        _ticker = context.Time.CreateTimer(
            static state => ((MultiplexedServer)state!).Tick(), this, context.Options.WaitingInterval, context.Options.WaitingInterval);
    }

    /// <summary>Runs to the connection's end; never throws.</summary>
    public async Task RunAsync()
    {
        using CancellationTokenRegistration abort = _context.Aborting.UnsafeRegister(
            static state => ((MultiplexedSocket)state!).Abort(), _socket);
        using CancellationTokenRegistration stop = _context.Stopping.UnsafeRegister(
            static state => ((MultiplexedServer)state!).StopWhenIdle(), this);
        try
        {
            await ReceiveAsync();
        }
        catch (TransferException ended) when (ended.Status == ChunkStatus.Malformed)
        {
            TransferLog.ProtocolBroken(_context.Logger, _socket.Peer, ended.Message);
            _socket.PostError(0, _context.ErrorHere(ChunkStatus.Malformed, ended.Message));
        }
        catch (Exception ended) when (ended is TransferException or OperationCanceledException)
        {
            TransferLog.ConnectionEnded(_context.Logger, _socket.Peer, ended.Message);
        }
        catch (Exception fault)
        {
            // The last door: one bad request must not end the server.
            TransferLog.RequestFailed(_context.Logger, _socket.Peer, fault);
        }

        // The work in hand ends, and its answers leave.
        for (int i = 0; i < MostRequests; i++)
        {
            await _room.WaitAsync();
        }

        await _socket.DrainAsync();
        _socket.EndSending();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ticker.DisposeAsync();
        _socket.Dispose();
        _stop.Dispose();
        _room.Dispose();
    }

    private async Task ReceiveAsync()
    {
        while (await _socket.ReceiveAsync(_stop.Token))
        {
            Volatile.Write(ref _movedAt, _context.Time.GetTimestamp());
            try
            {
                while (_socket.TryTake(out FrameHeader header, out ReadOnlyMemory<byte> content))
                {
                    await TakeAsync(header, content);
                }
            }
            finally
            {
                _socket.Release();
            }

            if (_socket.Backlog > MostBacklog)
            {
                await _socket.DrainAsync();
            }
        }
    }

    /// <summary>
    /// Takes a frame. Answers that are ready at once are held back meanwhile, so that those to requests that came together leave
    /// together; not while something is waited for.
    /// </summary>
    private async ValueTask TakeAsync(FrameHeader header, ReadOnlyMemory<byte> content)
    {
        if (!_room.Wait(0))
        {
            _socket.Release();
            await _room.WaitAsync(_stop.Token);
        }

        bool begun = false;
        try
        {
            _socket.Hold();
            ValueTask<bool> beginning = BeginAsync(header, content);
            if (!beginning.IsCompleted)
            {
                _socket.Release();
            }

            begun = await beginning;
        }
        finally
        {
            if (!begun)
            {
                _room.Release();
            }
        }
    }

    /// <summary>Begins what the frame asks for.</summary>
    /// <returns>Whether work was begun that gives its place back when it ends.</returns>
    private async ValueTask<bool> BeginAsync(FrameHeader header, ReadOnlyMemory<byte> content)
    {
        if (_write is { } write)
        {
            _write = null;
            if (header.Type != FrameType.Data || header.RequestId != write.Id || header.Length != write.Request.Length)
            {
                throw Malformed("something else than the data of its write");
            }

            return await BeginWriteAsync(write.Id, write.Request, content);
        }

        switch (header.Type)
        {
            case FrameType.Read when _context.Stopping.IsCancellationRequested:
                RefuseToBegin(header.RequestId);
                return false;
            case FrameType.Write:
                WriteRequest request = WriteRequest.Decode(content.Span) ?? throw Malformed("a write request");
                _write = request.Length <= FrameHeader.MaxSmallData ? (header.RequestId, request) : throw Malformed("too large a write");
                return false;
            case FrameType.Read:
                ReadRequest read = ReadRequest.Decode(content.Span) ?? throw Malformed("a read request");
                _ = EndAsync(new SmallRead(_context, _socket, header.RequestId, read).RunAsync(), header.RequestId);
                return true;
            default:
                throw Malformed($"a frame of type {(byte)header.Type}");
        }
    }

    private async ValueTask<bool> BeginWriteAsync(ulong id, WriteRequest request, ReadOnlyMemory<byte> payload)
    {
        if (_context.Stopping.IsCancellationRequested)
        {
            RefuseToBegin(id);
            return false;
        }

        var write = new SmallWrite(_context, _socket, id, request);
        if (write.Refuse() is { } refusal)
        {
            _socket.PostError(id, refusal);
            return false;
        }

        ChunkBuffer? buffer;
        _isHolding = true;
        try
        {
            buffer = await write.RentAsync();
        }
        finally
        {
            _isHolding = false;
        }

        if (buffer is null)
        {
            string text = $"Node {_context.Store.Node} has no buffer free, and nothing frees one.";
            _socket.PostError(id, _context.ErrorHere(ChunkStatus.Busy, text));
            return false;
        }

        payload.CopyTo(buffer.Payload);
        _context.Headway.CountReceived();
        Interlocked.Add(ref _relayed, request.IsLast ? 0 : 1);
        _ = EndAsync(write.RunAsync(buffer, _relayEnded), id);
        return true;
    }

    private void RefuseToBegin(ulong id) =>
        _socket.PostError(id, _context.ErrorHere(ChunkStatus.Busy, $"Node {_context.Store.Node} is stopping."));

    /// <summary>Sees work to its end and gives its place back.</summary>
    private async Task EndAsync(Task work, ulong id)
    {
        try
        {
            await work;
        }
        catch (OperationCanceledException) when (_context.Aborting.IsCancellationRequested)
        {
            _socket.Abort();
        }
        catch (Exception fault)
        {
            TransferLog.RequestFailed(_context.Logger, _socket.Peer, fault);
            _socket.PostError(id, _context.ErrorHere(ChunkStatus.DiskFailed, "The request failed for a reason that no status describes."));
        }
        finally
        {
            _room.Release();
            StopWhenIdle();
        }
    }

    /// <summary>A server that stops takes nothing more once the work in hand has ended; until then it refuses what comes.</summary>
    private void StopWhenIdle()
    {
        if (_context.Stopping.IsCancellationRequested && _room.CurrentCount == MostRequests)
        {
            _stop.Cancel();
        }
    }

    /// <summary>Tells a peer that waits that it is worth while, as long as it is; closes a connection that nobody uses.</summary>
    private void Tick()
    {
        bool busy = _room.CurrentCount < MostRequests;

        // A flush is judged by whether appends end here, a wait for memory by whether anything moves here.
        long headway = _isHolding ? _context.Headway.Total : _context.Headway.Appended;
        if (busy)
        {
            // The members behind are watched by stall time-outs of this node's own.
            if (headway != Interlocked.Exchange(ref _headway, headway) || Volatile.Read(ref _relayed) > 0)
            {
                _socket.Post(FrameType.Waiting, 0, []);
            }
        }
        else if (_context.Time.GetElapsedTime(Volatile.Read(ref _movedAt)) >= _context.Options.IdleTimeout)
        {
            _socket.Abort();
        }
    }

    private TransferException Malformed(string what) =>
        new(ChunkStatus.Malformed, $"{_socket.Peer} sent {what} that is malformed, out of place or beyond a limit.");
}
