using System.Buffers.Binary;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// The body of a gRPC request that is passed on: it knows whether anybody has read of it, and it ends when the gateway stops, though
/// its caller would keep it open. It ends between two messages, so that no call is cut: what was passed on is answered, and what
/// was not is as if it had not been sent. It does not end before the first, without which a call is an error. A message is a byte
/// of flags, its length in four bytes, big-endian, and so many bytes.
/// </summary>
/// <param name="inner">The request's body.</param>
/// <param name="stopping">Cancelled when the gateway stops.</param>
internal sealed class CallBody(Stream inner, CancellationToken stopping) : Stream
{
    private const int PrefixBytes = 5;

    private readonly byte[] _prefix = new byte[PrefixBytes];
    private int _prefixed;
    private long _left;
    private bool _anyPassed;

    /// <summary>Whether anybody has read of it.</summary>
    public bool WasRead { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    private bool IsBetweenMessages => _anyPassed && _prefixed == 0 && _left == 0;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        WasRead = true;
        if (!IsBetweenMessages)
        {
            return Follow(await inner.ReadAsync(UpToBoundary(buffer), cancellationToken).ConfigureAwait(false), buffer);
        }

        if (stopping.IsCancellationRequested)
        {
            return 0;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
        try
        {
            return Follow(await inner.ReadAsync(buffer, either.Token).ConfigureAwait(false), buffer);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return 0;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    /// <summary>When the gateway stops, no more than the rest of the message that was begun.</summary>
    private Memory<byte> UpToBoundary(Memory<byte> buffer)
    {
        long rest = _left > 0 ? _left : PrefixBytes - _prefixed;
        return stopping.IsCancellationRequested && rest < buffer.Length ? buffer[..(int)rest] : buffer;
    }

    /// <summary>Follows where messages begin and end in what was read.</summary>
    private int Follow(int count, Memory<byte> buffer)
    {
        ReadOnlySpan<byte> bytes = buffer.Span[..count];
        while (!bytes.IsEmpty)
        {
            int step;
            if (_left > 0)
            {
                step = (int)Math.Min(_left, bytes.Length);
                _left -= step;
            }
            else
            {
                step = Math.Min(PrefixBytes - _prefixed, bytes.Length);
                bytes[..step].CopyTo(_prefix.AsSpan(_prefixed));
                _prefixed += step;
                if (_prefixed == PrefixBytes)
                {
                    _left = BinaryPrimitives.ReadUInt32BigEndian(_prefix.AsSpan(1));
                    _prefixed = 0;
                }
            }

            _anyPassed |= _prefixed == 0 && _left == 0;
            bytes = bytes[step..];
        }

        return count;
    }
}
