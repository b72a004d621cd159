using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The asking side of a connection that carries many small requests at a time. Thread-safe. Its one task receives; it
/// ends, and with it all requests that still wait, when the connection breaks, stalls or is given up.
/// </summary>
internal sealed class MultiplexedConnection : IAsyncDisposable
{
    private readonly MultiplexedSocket _socket;
    private readonly TimeProvider _time;
    private readonly TimeSpan _stallTimeout;
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, MultiplexedCall> _calls = [];
    private readonly ITimer _ticker;
    private readonly Task _receiver;
    private ulong _lastId;
    private long _movedAt;
    private TransferException? _fault;

    /// <summary>Begins to receive.</summary>
    public MultiplexedConnection(MultiplexedSocket socket, TimeSpan stallTimeout, TimeProvider time)
    {
        _socket = socket;
        _socket.HasCompany = () => Waiting > 1;
        _time = time;
        _stallTimeout = stallTimeout;
        _movedAt = time.GetTimestamp();
        TimeSpan period = TimeSpan.FromMilliseconds(Math.Clamp(stallTimeout.TotalMilliseconds / 4, 1, 2000));
        _ticker = time.CreateTimer(static state => ((MultiplexedConnection)state!).LookForStall(), this, period, period);
        _receiver = ReceiveAsync();
    }

    /// <summary>Whether it takes no more requests.</summary>
    public bool IsBroken => Volatile.Read(ref _fault) is not null;

    /// <summary>Requests that wait for their answers.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _calls.Count;
            }
        }
    }

    /// <summary>Since when nothing came, as a timestamp of the clock.</summary>
    public long MovedAt => Volatile.Read(ref _movedAt);

    /// <summary>Sends a request; the call ends with the answer or the connection.</summary>
    /// <returns>The request's id.</returns>
    /// <exception cref="TransferException">The connection is broken; nothing was sent.</exception>
    public ulong Send(FrameType type, MultiplexedCall call, ReadOnlySpan<byte> message, ReadOnlySpan<byte> payload = default)
    {
        ulong id;
        lock (_lock)
        {
            if (_fault is { } fault)
            {
                throw fault;
            }

            if (_calls.Count == 0)
            {
                Volatile.Write(ref _movedAt, _time.GetTimestamp());
            }

            id = ++_lastId;
            _calls.Add(id, call);
        }

        _socket.Post(type, id, message, payload);
        return id;
    }

    /// <summary>Forgets a request whose caller waits no more; false when its answer is being taken already.</summary>
    public bool TryForget(ulong id)
    {
        lock (_lock)
        {
            return _calls.Remove(id);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiver;
        await _ticker.DisposeAsync();
    }

    private async Task ReceiveAsync()
    {
        TransferException fault;
        try
        {
            while (await _socket.ReceiveAsync(_socket.Aborted))
            {
                Volatile.Write(ref _movedAt, _time.GetTimestamp());
                while (_socket.TryTake(out FrameHeader header, out ReadOnlyMemory<byte> content))
                {
                    Take(header, content.Span);
                }
            }

            fault = new TransferException(ChunkStatus.Unreachable, $"{_socket.Peer} closed the connection.");
        }
        catch (TransferException broken)
        {
            fault = broken;
        }
        catch (OperationCanceledException aborted)
        {
            fault = _fault ?? new TransferException(
                ChunkStatus.Unreachable, $"The connection with {_socket.Peer} was given up.", null, aborted);
        }

        End(fault);
        _socket.Dispose();
    }

    private void Take(FrameHeader header, ReadOnlySpan<byte> content)
    {
        if (header.RequestId == 0)
        {
            if (header.Type != FrameType.Waiting)
            {
                // About the whole connection: why the peer closes it. Anything else is malformed.
                Answers.Error(_socket.Peer, header, ulong.MaxValue, content);
            }

            return;
        }

        MultiplexedCall? call;
        lock (_lock)
        {
            // Out of the list while its frame is taken, so that nobody gives its memory up meanwhile.
            _calls.Remove(header.RequestId, out call);
        }

        if (call is null)
        {
            return; // nobody waits for it any more
        }

        bool ended;
        try
        {
            ended = call.Take(header, content, _socket.Peer);
        }
        catch (TransferException malformed)
        {
            call.Fail(malformed);
            throw;
        }

        if (!ended)
        {
            lock (_lock)
            {
                _calls.Add(header.RequestId, call);
            }
        }
    }

    private void LookForStall()
    {
        lock (_lock)
        {
            if (_calls.Count == 0 || _fault is not null || _time.GetElapsedTime(MovedAt) < _stallTimeout)
            {
                return;
            }

            _fault = new TransferException(
                ChunkStatus.Stalled, $"Nothing moved between here and {_socket.Peer} for the stall time-out.");
        }

        _socket.Abort();
    }

    private void End(TransferException fault)
    {
        List<MultiplexedCall> calls;
        lock (_lock)
        {
            _fault = fault;
            calls = [.. _calls.Values];
            _calls.Clear();
        }

        calls.ForEach(call => call.Fail(fault));
    }
}
