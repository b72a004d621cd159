using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using BigFs.Core.Storage;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Transfer;

/// <summary>
/// Frames over one socket by blocking calls, for the bulk of the data: one thread uses it at a time, any thread may
/// abort it. The kernel's own time-outs wake a blocked call at intervals; who calls decides whether to go on. Whatever
/// goes wrong is a <see cref="TransferException"/>, after which the connection is of no more use.
/// </summary>
internal sealed class BlockingConnection : IDisposable
{
    /// <summary>From this length on a receive waits in the kernel until all is there: 32 KiB.</summary>
    private const int LeastWaitedFor = 32 << 10;

    private readonly Socket _socket;
    private readonly byte[] _scratch = new byte[FrameHeader.Size + FrameHeader.MaxMessage];
    private ulong _lastRequest;
    private volatile bool _aborted;
    private TlsChannel? _tls;

    /// <summary>Takes a connected socket over.</summary>
    /// <param name="socket">The socket; disposed with the connection.</param>
    /// <param name="peer">The other side, for sentences; on a client the endpoint it was reached at.</param>
    public BlockingConnection(Socket socket, string peer)
    {
        _socket = socket;
        _socket.Blocking = true;
        _socket.NoDelay = true;
        LoopbackTuning.Apply(_socket);
        Peer = peer;
    }

    /// <summary>The other side, for sentences; on a client the endpoint it was reached at.</summary>
    public string Peer { get; }

    /// <summary>Whether any byte came back in the present exchange.</summary>
    public bool Answered { get; private set; }

    /// <summary>Whether the connection was given up.</summary>
    public bool IsAborted => _aborted;

    /// <summary>Whether something is there to be read: bytes, or the other side's end.</summary>
    public bool HasInput => _tls?.HasInput == true || _socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Whether files can leave without passing through this process: not when they are encrypted.</summary>
    public bool SendsFiles => _tls is null && OperatingSystem.IsLinux();

    /// <summary>Lets a blocked call return after so long without a byte.</summary>
    public void WakeEvery(TimeSpan interval)
    {
        int milliseconds = (int)Math.Clamp(interval.TotalMilliseconds, 1, int.MaxValue);
        if (_socket.ReceiveTimeout != milliseconds)
        {
            Checked(() =>
            {
                _socket.ReceiveTimeout = milliseconds;
                _socket.SendTimeout = milliseconds;
            });
        }
    }

    /// <summary>Starts an exchange as its asking side: a new request id.</summary>
    public ulong BeginExchange()
    {
        Answered = false;
        return ++_lastRequest;
    }

    /// <summary>Gives the connection up when the token fires, until the result is disposed.</summary>
    public CancellationTokenRegistration AbortOn(CancellationToken token) =>
        token.UnsafeRegister(static state => ((BlockingConnection)state!).Abort(), this);

    /// <summary>Gives the connection up: a blocked call returns, what follows fails.</summary>
    public void Abort()
    {
        _aborted = true;
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // Nothing is left to be woken.
            return;
        }
    }

    /// <summary>Encrypts from here on, as a client of the host.</summary>
    /// <exception cref="TransferException">The server is not who it should be, or does not speak TLS.</exception>
    public void Encrypt(SslClientAuthenticationOptions options, Stall stall) => _tls = TlsChannel.Connect(this, options, stall);

    /// <summary>Encrypts from here on, as a server.</summary>
    /// <exception cref="TransferException">Hands could not be shaken.</exception>
    public void Encrypt(SslServerAuthenticationOptions options, Stall stall) => _tls = TlsChannel.Accept(this, options, stall);

    /// <summary>Hands socket and encryption over to be used by many requests at a time; this connection is forgotten then.</summary>
    public MultiplexedSocket Multiplex() =>
        _tls is { } tls ? new MultiplexedSocket(_socket, Peer, tls.Detach(_socket, out byte[] received), received) : new MultiplexedSocket(_socket, Peer);

    /// <summary>The first byte that the peer sends, which stays where it is; null at the end of the stream.</summary>
    public byte? Peek(Stall stall)
    {
        Span<byte> first = stackalloc byte[1];
        stall.Begin();
        int received;
        while ((received = ReceiveRaw(first, SocketFlags.Peek)) < 0)
        {
            stall.Note(false, Peer);
        }

        return received == 0 ? null : first[0];
    }

    /// <summary>
    /// Sends some of the bytes and returns how many; 0 when the interval passed without one: the caller comes again with the
    /// same bytes then.
    /// </summary>
    public int SendSome(ReadOnlySpan<byte> bytes, bool more = false) =>
        _tls is { } tls ? tls.SendSome(bytes) : SendRaw(bytes, more);

    /// <summary>The same past the encryption.</summary>
    public int SendRaw(ReadOnlySpan<byte> bytes, bool more)
    {
        if (!OperatingSystem.IsLinux())
        {
            int count = _socket.Send(bytes, SocketFlags.None, out SocketError error);
            return error switch
            {
                SocketError.Success => count,
                SocketError.TimedOut or SocketError.WouldBlock => ThrowIfAborted(),
                _ => throw Broken(new SocketException((int)error)),
            };
        }

        while (true)
        {
            nint sent = SocketCalls.Send(_socket.SafeHandle, bytes, more);
            if (sent >= 0)
            {
                return (int)sent;
            }

            if (Marshal.GetLastPInvokeError() == SocketCalls.ErrorAgain)
            {
                return ThrowIfAborted();
            }

            ThrowUnlessInterrupted();
        }
    }

    /// <summary>Sends some bytes of a file and returns how many; 0 when the interval passed without one.</summary>
    /// <exception cref="DiskException">The file has not got them.</exception>
    public int SendSome(SafeFileHandle file, long offset, int count)
    {
        while (true)
        {
            long position = offset;
            nint sent = SocketCalls.SendFile(_socket.SafeHandle, file, ref position, count);
            if (sent > 0)
            {
                return (int)sent;
            }

            int error = sent == 0 ? 0 : Marshal.GetLastPInvokeError();
            if (error == SocketCalls.ErrorAgain)
            {
                return ThrowIfAborted();
            }

            const int inputOutput = 5;
            if (error is 0 or inputOutput)
            {
                throw new DiskException($"read of a file to be sent failed at {offset} (errno {error}).");
            }

            ThrowUnlessInterrupted();
        }
    }

    /// <summary>Receives some bytes and returns how many; 0 at the end of the stream, -1 when the interval passed.</summary>
    public int ReceiveSome(Span<byte> destination)
    {
        int received = _tls is { } tls ? tls.ReceiveSome(destination) : ReceiveRaw(destination);
        Answered |= received > 0;
        return received;
    }

    /// <summary>The same past the encryption.</summary>
    public int ReceiveRaw(Span<byte> destination, SocketFlags flags = SocketFlags.None)
    {
        int received;
        SocketError error;
        try
        {
            received = _socket.Receive(destination, flags, out error);
        }
        catch (ObjectDisposedException gone)
        {
            throw Broken(gone);
        }

        switch (error)
        {
            case SocketError.Success when received > 0 || !_aborted:
                return received;
            case SocketError.TimedOut or SocketError.WouldBlock:
                return ThrowIfAborted() - 1;
            default:
                throw Broken(new SocketException((int)(error == SocketError.Success ? SocketError.OperationAborted : error)));
        }
    }

    /// <summary>
    /// As <see cref="ReceiveSome"/>, but stays in the kernel until all is there or the interval has passed: one call for what
    /// comes in many segments, each of which is taken as it comes. (A low-water mark, SO_RCVLOWAT, would save the changes of
    /// threads, too, but what is not taken narrows the sender's window, and now and then both slept until the interval.)
    /// </summary>
    private int ReceiveWhole(Span<byte> destination)
    {
        while (true)
        {
            nint received;
            try
            {
                received = SocketCalls.ReceiveWhole(_socket.SafeHandle, destination);
            }
            catch (ObjectDisposedException gone)
            {
                throw Broken(gone);
            }

            if (received > 0 || (received == 0 && !_aborted))
            {
                Answered |= received > 0;
                return (int)received;
            }

            if (received == 0 || Marshal.GetLastPInvokeError() == SocketCalls.ErrorAgain)
            {
                return ThrowIfAborted() - 1;
            }

            ThrowUnlessInterrupted();
        }
    }

    /// <summary>Sends a message's frame, watching for a stall.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="requestId">The request that it belongs to.</param>
    /// <param name="message">At most <see cref="FrameHeader.MaxMessage"/> bytes.</param>
    /// <param name="stall">Gives up in time.</param>
    /// <param name="more">Whether data follow at once.</param>
    public void Send(FrameType type, ulong requestId, ReadOnlySpan<byte> message, Stall stall, bool more = false)
    {
        Span<byte> frame = stackalloc byte[512];
        frame = FrameHeader.Size + message.Length <= frame.Length
            ? frame[..(FrameHeader.Size + message.Length)]
            : new byte[FrameHeader.Size + message.Length];
        new FrameHeader(message.Length, type, requestId).Encode(frame);
        message.CopyTo(frame[FrameHeader.Size..]);
        SendAll(frame, stall, more);
    }

    /// <summary>Sends the header of a data frame; its bytes follow.</summary>
    public void SendDataHeader(ulong requestId, int length, Stall stall)
    {
        Span<byte> header = stackalloc byte[FrameHeader.Size];
        new FrameHeader(length, FrameType.Data, requestId).Encode(header);
        SendAll(header, stall, more: true);
    }

    /// <summary>Sends all of the bytes, watching for a stall.</summary>
    public void SendAll(ReadOnlySpan<byte> bytes, Stall stall, bool more = false)
    {
        stall.Begin();
        while (!bytes.IsEmpty)
        {
            int sent = SendSome(bytes, more);
            stall.Note(sent > 0, Peer);
            bytes = bytes[sent..];
        }
    }

    /// <summary>Sends a failure as the answer to a request.</summary>
    public void SendError(ulong requestId, ErrorAnswer error, Stall stall)
    {
        var message = new byte[32 + ErrorAnswer.MaxTextBytes];
        Send(FrameType.Error, requestId, message.AsSpan(0, error.Encode(message)), stall);
    }

    /// <summary>Sends a hello.</summary>
    public void SendHello(Hello hello, Stall stall)
    {
        Span<byte> bytes = stackalloc byte[Hello.Size];
        hello.Encode(bytes);
        SendAll(bytes, stall);
    }

    /// <summary>Receives the other side's hello.</summary>
    public Hello ReceiveHello(Stall stall)
    {
        Span<byte> bytes = stackalloc byte[Hello.Size];
        ReceiveAll(bytes, stall);
        return Hello.TryDecode(bytes, out Hello hello)
            ? hello
            : throw new TransferException(ChunkStatus.Malformed, $"{Peer} does not speak the transfer protocol.");
    }

    /// <summary>Receives a frame's header; null at the end of the stream between two frames.</summary>
    public FrameHeader? ReceiveHeaderOrEnd(Stall stall)
    {
        Span<byte> bytes = stackalloc byte[FrameHeader.Size];
        stall.Begin();
        int first;
        while ((first = ReceiveSome(bytes)) < 0)
        {
            stall.Note(false, Peer);
        }

        if (first == 0)
        {
            return null;
        }

        ReceiveAll(bytes[first..], stall);
        return FrameHeader.TryDecode(bytes, out FrameHeader header)
            ? header
            : throw new TransferException(ChunkStatus.Malformed, $"{Peer} sent a frame that breaks a limit.");
    }

    /// <summary>Receives a frame's header.</summary>
    public FrameHeader ReceiveHeader(Stall stall) => ReceiveHeaderOrEnd(stall) ?? throw Ended();

    /// <summary>Receives the message of a frame that is not data; good until the next one.</summary>
    public ReadOnlySpan<byte> ReceiveMessage(FrameHeader header, Stall stall)
    {
        if (header.Length > FrameHeader.MaxMessage)
        {
            throw new TransferException(ChunkStatus.Malformed, $"{Peer} sent data where a message belongs.");
        }

        Span<byte> message = _scratch.AsSpan(0, header.Length);
        ReceiveAll(message, stall);
        return message;
    }

    /// <summary>Fills the destination with what follows, watching for a stall.</summary>
    public void ReceiveAll(Span<byte> destination, Stall stall)
    {
        stall.Begin();
        while (!destination.IsEmpty)
        {
            int received = _tls is null && destination.Length >= LeastWaitedFor && OperatingSystem.IsLinux()
                ? ReceiveWhole(destination)
                : ReceiveSome(destination);
            if (received == 0)
            {
                throw Ended();
            }

            stall.Note(received > 0, Peer);
            destination = destination[Math.Max(received, 0)..];
        }
    }

    /// <summary>Receives and forgets so many bytes.</summary>
    public void Skip(int count, Stall stall)
    {
        while (count > 0)
        {
            int step = Math.Min(count, _scratch.Length);
            ReceiveAll(_scratch.AsSpan(0, step), stall);
            count -= step;
        }
    }

    /// <summary>
    /// Ends the connection so that what was sent last is read: says that nothing more comes, then takes and forgets what is
    /// still under way, since closing with unread input would reset the connection and lose the answer.
    /// </summary>
    /// <param name="maxBytes">Most bytes taken.</param>
    /// <param name="stall">Gives up in time.</param>
    public void Linger(int maxBytes, Stall stall)
    {
        Checked(() => _socket.Shutdown(SocketShutdown.Send));
        stall.Begin();
        for (int received = -1; received != 0 && maxBytes > 0; maxBytes -= Math.Max(received, 0))
        {
            received = ReceiveSome(_scratch);
            stall.Note(received >= 0, Peer);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tls?.Dispose();
        _socket.Dispose();
    }

    /// <summary>The other side ended where more was to come.</summary>
    private TransferException Ended() => Broken(null);

    /// <summary>The connection broke.</summary>
    internal TransferException Broken(Exception? cause) => new(
        ChunkStatus.Unreachable,
        cause is null
            ? $"{Peer} closed the connection in the middle of an exchange."
            : $"The connection with {Peer} broke: {cause.Message}",
        null,
        cause);

    private int ThrowIfAborted() => _aborted ? throw Broken(new SocketException((int)SocketError.OperationAborted)) : 0;

    private void ThrowUnlessInterrupted()
    {
        int error = Marshal.GetLastPInvokeError();
        if (error != SocketCalls.ErrorInterrupted)
        {
            throw new TransferException(
                ChunkStatus.Unreachable,
                $"The connection with {Peer} broke: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).");
        }
    }

    private void Checked(Action call)
    {
        try
        {
            call();
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
            throw Broken(broken);
        }
    }
}
