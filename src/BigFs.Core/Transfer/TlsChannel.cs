using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// TLS over a connection's own calls, with their manners: sending returns when an interval has passed without a byte, so
/// that the same thread can hear the other side meanwhile, and so does receiving. Ciphertext is made into memory first and
/// leaves from there. Used by one thread at a time.
/// </summary>
internal sealed class TlsChannel : IDisposable
{
    /// <summary>Plaintext that is encrypted at a time: four records of the largest size (RFC 8446, section 5.1).</summary>
    private const int MostAccepted = 64 << 10;

    /// <summary>Most plaintext of one record.</summary>
    private const int Record = 16 << 10;

    private readonly BlockingConnection _connection;
    private readonly Ciphertext _ciphertext;
    private readonly SslStream _tls;
    private readonly byte[] _plain = new byte[Record];
    private int _plainStart;
    private int _plainEnd;
    private int _accepted;

    private TlsChannel(BlockingConnection connection, Stall patience)
    {
        _connection = connection;
        _ciphertext = new Ciphertext(connection) { Patience = patience };
        _tls = new SslStream(_ciphertext, leaveInnerStreamOpen: true);
    }

    /// <summary>Whether plaintext lies here that nobody has received yet.</summary>
    public bool HasInput => _plainStart < _plainEnd;

    /// <summary>Shakes hands with a server and verifies who it is.</summary>
    /// <exception cref="TransferException">It is not who it should be, or does not speak TLS.</exception>
    public static TlsChannel Connect(BlockingConnection connection, SslClientAuthenticationOptions options, Stall patience) =>
        Open(connection, patience, tls => tls.AuthenticateAsClient(options));

    /// <summary>Shakes hands with a client.</summary>
    /// <exception cref="TransferException">It does not trust this side, shows no certificate where one is asked for, or the like.</exception>
    public static TlsChannel Accept(BlockingConnection connection, SslServerAuthenticationOptions options, Stall patience) =>
        Open(connection, patience, tls => tls.AuthenticateAsServer(options));

    /// <summary>
    /// Sends some of the bytes and returns how many; 0 when the interval passed without one. The caller then comes again with
    /// the same bytes.
    /// </summary>
    public int SendSome(ReadOnlySpan<byte> bytes)
    {
        if (_accepted == 0)
        {
            int accepted = Math.Min(bytes.Length, MostAccepted);
            Guarded(bytes[..accepted], static (tls, plain) => tls.Write(plain));
            _accepted = accepted;
        }

        if (!_ciphertext.TryFlush())
        {
            return 0;
        }

        int sent = _accepted;
        _accepted = 0;
        return sent;
    }

    /// <summary>Receives some bytes and returns how many; 0 at the end of the stream, -1 when the interval passed.</summary>
    public int ReceiveSome(Span<byte> destination)
    {
        if (!HasInput)
        {
            // What is smaller than a record goes by way of a buffer, so that it is known what is left of it.
            bool direct = destination.Length >= Record;
            int received = Receive(direct ? destination : _plain);
            if (direct || received <= 0)
            {
                return received;
            }

            (_plainStart, _plainEnd) = (0, received);
        }

        int count = Math.Min(destination.Length, _plainEnd - _plainStart);
        _plain.AsSpan(_plainStart, count).CopyTo(destination);
        _plainStart += count;
        return count;
    }

    /// <summary>Hands the encryption over to be used asynchronously; this channel is forgotten then.</summary>
    /// <param name="socket">The connection's socket.</param>
    /// <param name="received">Plaintext that was received and not taken.</param>
    public SslStream Detach(Socket socket, out byte[] received)
    {
        received = _plain[_plainStart.._plainEnd];
        _ciphertext.Socket = socket;
        return _tls;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tls.Dispose();
        _ciphertext.Dispose();
    }

    /// <summary>Hands could not be shaken.</summary>
    public static TransferException Failed(string peer, Exception fault) => new(
        ChunkStatus.Unreachable,
        $"TLS with {peer} failed, or the other side speaks none: {fault.InnerException?.Message ?? fault.Message}",
        null,
        fault);

    private static TlsChannel Open(BlockingConnection connection, Stall patience, Action<SslStream> shakeHands)
    {
        var channel = new TlsChannel(connection, patience);
        try
        {
            shakeHands(channel._tls);
            channel._ciphertext.Patience = null;
            return channel;
        }
        catch (Exception fault) when (fault is IOException or AuthenticationException or InvalidOperationException or TransferException)
        {
            channel.Dispose();
            if ((fault as TransferException ?? fault.InnerException as TransferException) is { Status: ChunkStatus.Stalled } stalled)
            {
                throw stalled;
            }

            throw Failed(connection.Peer, fault);
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    private int Receive(Span<byte> destination)
    {
        try
        {
            return _tls.Read(destination);
        }
        catch (IntervalPassedException)
        {
            return -1;
        }
        catch (Exception broken) when (broken is IOException or ObjectDisposedException)
        {
            throw broken.InnerException as TransferException ?? _connection.Broken(broken);
        }
    }

    private void Guarded(ReadOnlySpan<byte> plain, Writing write)
    {
        try
        {
            write(_tls, plain);
        }
        catch (Exception broken) when (broken is IOException or ObjectDisposedException)
        {
            throw broken.InnerException as TransferException ?? _connection.Broken(broken);
        }
    }

    private delegate void Writing(SslStream tls, ReadOnlySpan<byte> plain);

    /// <summary>A read that came to nothing in an interval; the stream goes on where it stands with the next one.</summary>
    private sealed class IntervalPassedException() : IOException("Nothing came in an interval.");

    /// <summary>What TLS reads and writes: the socket on one side, memory on the other.</summary>
    private sealed class Ciphertext(BlockingConnection connection) : Stream
    {
        private byte[] _pending = new byte[MostAccepted + (4 << 10)];
        private int _start;
        private int _end;

        /// <summary>While hands are shaken: who gives up in time. Reads and writes last until they are done then.</summary>
        public Stall? Patience { get; set; }

        /// <summary>Serves the asynchronous calls.</summary>
        public Socket? Socket { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        /// <summary>Sends what is pending; false when an interval passed in which nothing could be sent.</summary>
        public bool TryFlush()
        {
            bool moved = false;
            while (_start < _end)
            {
                int sent = connection.SendRaw(_pending.AsSpan(_start, _end - _start), more: false);
                if (sent == 0 && !moved)
                {
                    return false;
                }

                moved = sent > 0;
                _start += sent;
            }

            (_start, _end) = (0, 0);
            return true;
        }

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty)
            {
                return 0;
            }

            Patience?.Begin();
            while (true)
            {
                int received = connection.ReceiveRaw(buffer);
                if (received >= 0)
                {
                    return received;
                }

                if (Patience is not { } patience)
                {
                    throw new IntervalPassedException();
                }

                patience.Note(false, connection.Peer);
            }
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.Length > _pending.Length - _end)
            {
                Array.Resize(ref _pending, Math.Max(_pending.Length * 2, _end + buffer.Length));
            }

            buffer.CopyTo(_pending.AsSpan(_end));
            _end += buffer.Length;
            while (Patience is { } patience && !TryFlush())
            {
                patience.Note(false, connection.Peer);
            }
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Socket!.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (!buffer.IsEmpty)
            {
                buffer = buffer[await Socket!.SendAsync(buffer, SocketFlags.None, cancellationToken)..];
            }
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
