using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Frames over one socket. One task may send while another receives; never two of a kind. Whatever goes wrong is a
/// <see cref="TransferException"/>, after which the connection is of no more use.
/// </summary>
internal sealed class FrameConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly CancellationTokenSource _aborted = new();
    private readonly byte[] _sendScratch = new byte[FrameHeader.Size + FrameHeader.MaxMessage];
    private readonly byte[] _receiveScratch = new byte[FrameHeader.MaxMessage];
    private ulong _lastRequest;

    /// <summary>Takes a connected socket over.</summary>
    /// <param name="socket">The socket; disposed with the connection.</param>
    /// <param name="peer">The other side, for sentences.</param>
    /// <param name="time">The clock of the watch.</param>
    public FrameConnection(Socket socket, string peer, TimeProvider time)
    {
        _socket = socket;
        Peer = peer;
        Watch = new StallWatch(time, Abort);
    }

    /// <summary>The other side, for sentences; on a client the endpoint it was reached at.</summary>
    public string Peer { get; }

    /// <summary>Ends the connection when nothing moves for too long.</summary>
    public StallWatch Watch { get; }

    /// <summary>Whether any byte came back in the present exchange.</summary>
    public bool Answered { get; private set; }

    /// <summary>Fires when the connection is given up.</summary>
    public CancellationToken Aborted => _aborted.Token;

    /// <summary>Whether an idle connection has something to read: its end, or bytes that nobody asked for.</summary>
    public bool HasUnexpectedInput => _socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Starts an exchange as its asking side: a new request id.</summary>
    public ulong BeginExchange()
    {
        Answered = false;
        return ++_lastRequest;
    }

    /// <summary>Gives the connection up when the token fires, until the result is disposed.</summary>
    public CancellationTokenRegistration AbortOn(CancellationToken token) =>
        token.UnsafeRegister(static state => ((FrameConnection)state!).Abort(), this);

    /// <summary>Gives the connection up: what is pending ends, what follows fails.</summary>
    public void Abort() => _aborted.Cancel();

    /// <summary>
    /// Sends a frame. A message is copied behind its header and leaves in one piece; data leaves from its own memory.
    /// </summary>
    public async ValueTask SendAsync(FrameType type, ulong requestId, ReadOnlyMemory<byte> payload)
    {
        new FrameHeader(payload.Length, type, requestId).Encode(_sendScratch);
        if (payload.Length <= FrameHeader.MaxMessage)
        {
            payload.CopyTo(_sendScratch.AsMemory(FrameHeader.Size));
            await SendBytesAsync(_sendScratch.AsMemory(0, FrameHeader.Size + payload.Length));
            return;
        }

        await SendBytesAsync(_sendScratch.AsMemory(0, FrameHeader.Size));
        await SendBytesAsync(payload);
    }

    /// <summary>Sends a failure as the answer to a request.</summary>
    public async ValueTask SendErrorAsync(ulong requestId, ErrorAnswer error)
    {
        var message = new byte[32 + ErrorAnswer.MaxTextBytes];
        await SendAsync(FrameType.Error, requestId, message.AsMemory(0, error.Encode(message)));
    }

    /// <summary>Sends this side's hello.</summary>
    public async ValueTask SendHelloAsync()
    {
        Hello.Own.Encode(_sendScratch);
        await SendBytesAsync(_sendScratch.AsMemory(0, Hello.Size));
    }

    /// <summary>Receives the other side's hello.</summary>
    public async ValueTask<Hello> ReceiveHelloAsync()
    {
        await ReceiveAsync(_receiveScratch.AsMemory(0, Hello.Size));
        return Hello.TryDecode(_receiveScratch, out Hello hello)
            ? hello
            : throw new TransferException(ChunkStatus.Malformed, $"{Peer} does not speak the transfer protocol.");
    }

    /// <summary>Receives a frame's header; null at the end of the stream between two frames.</summary>
    public async ValueTask<FrameHeader?> ReceiveHeaderOrEndAsync()
    {
        Memory<byte> bytes = _receiveScratch.AsMemory(0, FrameHeader.Size);
        int first = await ReceiveSomeAsync(bytes);
        if (first == 0)
        {
            return null;
        }

        Answered = true;
        await ReceiveAsync(bytes[first..]);
        return FrameHeader.TryDecode(bytes.Span, out FrameHeader header)
            ? header
            : throw new TransferException(ChunkStatus.Malformed, $"{Peer} sent a frame that breaks a limit.");
    }

    /// <summary>Receives a frame's header.</summary>
    public async ValueTask<FrameHeader> ReceiveHeaderAsync() =>
        await ReceiveHeaderOrEndAsync() ?? throw Ended();

    /// <summary>Receives the message of a frame that is not data; good until the next receive.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveMessageAsync(FrameHeader header)
    {
        if (header.Length > FrameHeader.MaxMessage)
        {
            throw new TransferException(ChunkStatus.Malformed, $"{Peer} sent data where a message belongs.");
        }

        Memory<byte> message = _receiveScratch.AsMemory(0, header.Length);
        await ReceiveAsync(message);
        return message;
    }

    /// <summary>Fills the destination with what follows.</summary>
    public async ValueTask ReceiveAsync(Memory<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int received = await ReceiveSomeAsync(destination);
            if (received == 0)
            {
                throw Ended();
            }

            destination = destination[received..];
        }
    }

    /// <summary>
    /// Ends the connection so that what was sent last is read: says that nothing more comes, then takes and forgets what is
    /// still under way, since closing with unread input would reset the connection and lose the answer.
    /// </summary>
    /// <param name="maxBytes">Most bytes taken.</param>
    public async ValueTask LingerAsync(int maxBytes)
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException broken)
        {
            throw Broken(broken);
        }

        for (int received = -1; received != 0 && maxBytes > 0; maxBytes -= received)
        {
            received = await ReceiveSomeAsync(_receiveScratch);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Watch.Dispose();
        _socket.Dispose();
    }

    private async ValueTask SendBytesAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int sent = await _socket.SendAsync(bytes, SocketFlags.None, _aborted.Token);
                Watch.Moved();
                bytes = bytes[sent..];
            }
        }
        catch (Exception broken) when (broken is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            throw Broken(broken);
        }
    }

    private async ValueTask<int> ReceiveSomeAsync(Memory<byte> destination)
    {
        try
        {
            int received = await _socket.ReceiveAsync(destination, SocketFlags.None, _aborted.Token);
            Watch.Moved();
            return received;
        }
        catch (Exception broken) when (broken is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            throw Broken(broken);
        }
    }

    private TransferException Ended() =>
        new(ChunkStatus.Unreachable, $"{Peer} closed the connection in the middle of an exchange.");

    private TransferException Broken(Exception cause) =>
        Watch.Expired
            ? new TransferException(
                ChunkStatus.Stalled, $"Nothing moved between here and {Peer} for the stall time-out.", null, cause)
            : new TransferException(
                ChunkStatus.Unreachable, $"The connection with {Peer} broke: {cause.Message}", null, cause);
}
