using System.Net.Security;
using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Frames of many requests over one socket: what is posted while a send is under way leaves together with the next, and
/// what arrives together is taken together. Posting is thread-safe; one task receives. Whatever goes wrong ends the
/// connection for all.
/// </summary>
internal sealed class MultiplexedSocket : IDisposable
{
    /// <summary>Room for the largest frame and for what came with it.</summary>
    private const int ReceiveRoom = 256 << 10;

    private const int SmallestBuffer = 16 << 10;

    /// <summary>Buffers beyond this are not kept when they are empty.</summary>
    private const int LargestKept = 1 << 20;

    private readonly Socket _socket;
    private readonly SslStream? _tls;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _aborted = new();
    private readonly byte[] _received = GC.AllocateUninitializedArray<byte>(ReceiveRoom, pinned: true);
    private byte[] _outgoing = new byte[SmallestBuffer];
    private byte[] _leaving = new byte[SmallestBuffer];
    private int _posted;
    private bool _sending;
    private bool _holding;
    private Task _sender = Task.CompletedTask;
    private int _start;
    private int _end;
    private bool _isFilled;

    /// <summary>Takes a connected socket over, past its hello.</summary>
    /// <param name="socket">The socket; disposed with this.</param>
    /// <param name="peer">The other side, for sentences.</param>
    /// <param name="tls">What encrypts, hands shaken; null for plaintext.</param>
    /// <param name="received">Bytes behind the hello that came with it, at most a record of TLS.</param>
    public MultiplexedSocket(Socket socket, string peer, SslStream? tls = null, ReadOnlySpan<byte> received = default)
    {
        _socket = socket;
        _tls = tls;
        Peer = peer;
        received.CopyTo(_received);
        _end = received.Length;
        _isFilled = _end > 0;
    }

    /// <summary>The other side, for sentences.</summary>
    public string Peer { get; }

    /// <summary>Fires when the connection is given up.</summary>
    public CancellationToken Aborted => _aborted.Token;

    /// <summary>Bytes posted that have not begun to leave; who posts much looks at it.</summary>
    public int Backlog
    {
        get
        {
            lock (_lock)
            {
                return _posted;
            }
        }
    }

    /// <summary>
    /// Whether more is likely to be posted soon: a send begins behind what is ready to run now then, so that what that posts
    /// travels along. Each send is a segment of its own, which costs more than the frames in it.
    /// </summary>
    public Func<bool> HasCompany { get; set; } = static () => false;

    /// <summary>Holds what is posted back until <see cref="Release"/>, so that it leaves together; twice is fine.</summary>
    public void Hold()
    {
        lock (_lock)
        {
            _holding = true;
        }
    }

    /// <summary>Lets go what was held back.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _holding = false;
            if (_posted == 0 || _sending)
            {
                return;
            }

            _sending = true;
        }

        _sender = SendAsync(isGathering: false);
    }

    /// <summary>Gives the connection up: what is pending ends.</summary>
    public void Abort() => _aborted.Cancel();

    /// <summary>
    /// Posts a frame and, where there is a payload, its data frame behind it. Both are copied. After the connection's end
    /// nothing happens: the receiving side tells.
    /// </summary>
    public void Post(FrameType type, ulong requestId, ReadOnlySpan<byte> message, ReadOnlySpan<byte> payload = default)
    {
        lock (_lock)
        {
            int length = FrameHeader.Size + message.Length + (payload.IsEmpty ? 0 : FrameHeader.Size + payload.Length);
            Span<byte> room = RoomNeedsLock(length);
            new FrameHeader(message.Length, type, requestId).Encode(room);
            message.CopyTo(room[FrameHeader.Size..]);
            if (!payload.IsEmpty)
            {
                room = room[(FrameHeader.Size + message.Length)..];
                new FrameHeader(payload.Length, FrameType.Data, requestId).Encode(room);
                payload.CopyTo(room[FrameHeader.Size..]);
            }

            _posted += length;
            if (_sending || _holding)
            {
                return;
            }

            _sending = true;
        }

        _sender = SendAsync(isGathering: HasCompany());
    }

    /// <summary>Posts a failure as the answer to a request.</summary>
    public void PostError(ulong requestId, ErrorAnswer error)
    {
        var message = new byte[32 + ErrorAnswer.MaxTextBytes];
        Post(FrameType.Error, requestId, message.AsSpan(0, error.Encode(message)));
    }

    /// <summary>Receives more bytes; false at the end of the stream between two frames.</summary>
    /// <param name="cancellationToken">Ends the wait; what was received stays.</param>
    /// <exception cref="TransferException">The connection broke, or ended inside a frame.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_isFilled)
        {
            _isFilled = false;
            return true;
        }

        if (_start > 0)
        {
            _received.AsSpan(_start, _end - _start).CopyTo(_received);
            _end -= _start;
            _start = 0;
        }

        int count;
        try
        {
            count = _tls is null
                ? await _socket.ReceiveAsync(_received.AsMemory(_end), SocketFlags.None, cancellationToken)
                : await _tls.ReadAsync(_received.AsMemory(_end), cancellationToken);
        }
        catch (Exception broken) when (broken is SocketException or IOException or ObjectDisposedException)
        {
            throw new TransferException(
                ChunkStatus.Unreachable, $"The connection with {Peer} broke: {broken.Message}", null, broken);
        }

        _end += count;
        return count > 0 || (_end == 0
            ? false
            : throw new TransferException(
                ChunkStatus.Unreachable, $"{Peer} closed the connection in the middle of an exchange."));
    }

    /// <summary>Takes the next frame that is there as a whole.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="content">Its bytes, good until the next <see cref="ReceiveAsync"/>.</param>
    /// <exception cref="TransferException">It breaks a limit (Malformed).</exception>
    public bool TryTake(out FrameHeader header, out ReadOnlyMemory<byte> content)
    {
        header = default;
        content = default;
        ReadOnlySpan<byte> rest = _received.AsSpan(_start, _end - _start);
        if (rest.Length < FrameHeader.Size)
        {
            return false;
        }

        if (!FrameHeader.TryDecode(rest, out header) || (header.Type == FrameType.Data && header.Length > FrameHeader.MaxSmallData))
        {
            throw new TransferException(ChunkStatus.Malformed, $"{Peer} sent a frame that breaks a limit.");
        }

        if (rest.Length < FrameHeader.Size + header.Length)
        {
            return false;
        }

        content = _received.AsMemory(_start + FrameHeader.Size, header.Length);
        _start += FrameHeader.Size + header.Length;
        return true;
    }

    /// <summary>Waits until everything posted so far has left, or the connection is broken.</summary>
    public async ValueTask DrainAsync()
    {
        while (true)
        {
            Task sender;
            lock (_lock)
            {
                if (!_sending || _aborted.IsCancellationRequested)
                {
                    return;
                }

                sender = _sender;
            }

            await sender;
            await Task.Yield();
        }
    }

    /// <summary>Says that nothing more will be sent.</summary>
    public void EndSending()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // There is nobody left to be told.
            return;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _aborted.Cancel();
        _tls?.Dispose();
        _socket.Dispose();
    }

    private async Task SendAsync(bool isGathering)
    {
        try
        {
            if (isGathering)
            {
                await Task.Yield();
            }

            while (TakePosted() is { Length: > 0 } bytes)
            {
                if (_tls is not null)
                {
                    await _tls.WriteAsync(bytes, _aborted.Token);
                    continue;
                }

                while (!bytes.IsEmpty)
                {
                    int sent = await _socket.SendAsync(bytes, SocketFlags.None, _aborted.Token);
                    bytes = bytes[sent..];
                }
            }
        }
        catch (Exception broken) when (broken is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Stays in the state of sending, so that nothing more is sent; who receives finds the connection's end.
            Abort();
        }
    }

    private ReadOnlyMemory<byte> TakePosted()
    {
        lock (_lock)
        {
            int count = _posted;
            (_outgoing, _leaving) = (_leaving.Length <= LargestKept ? _leaving : new byte[SmallestBuffer], _outgoing);
            _posted = 0;
            _sending = count > 0;
            return _leaving.AsMemory(0, count);
        }
    }

    private Span<byte> RoomNeedsLock(int length)
    {
        if (_aborted.IsCancellationRequested)
        {
            // Nobody will take it: the buffer is overwritten instead of growing.
            _posted = 0;
        }

        if (_outgoing.Length - _posted < length)
        {
            var larger = new byte[Math.Max(_outgoing.Length * 2, _posted + length)];
            _outgoing.AsSpan(0, _posted).CopyTo(larger);
            _outgoing = larger;
        }

        return _outgoing.AsSpan(_posted, length);
    }
}
