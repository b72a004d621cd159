using System.Numerics;

namespace BigFs.Internal.Upload;

/// <summary>
/// Cuts content into chunks as it arrives: hands out room, takes note of what was filled, and sends each full chunk. The
/// first buffer grows with the content, so that a tiny file costs a tiny buffer. One caller at a time.
/// </summary>
/// <param name="upload">Where the chunks go.</param>
/// <param name="length">Bytes to come as far as is known: a hint, never trusted; null when unknown.</param>
internal sealed class ChunkCutter(IPieceSink upload, long? length)
{
    private const int SmallestBuffer = 4 << 10;
    private const int FirstBuffer = 64 << 10;

    /// <summary>Beyond this a growing buffer becomes a whole chunk's: growing costs at most this much extra memory.</summary>
    private const int LargestPartial = 1 << 20;

    private byte[]? _buffer;
    private int _filled;
    private long _total;

    /// <summary>Bytes taken so far.</summary>
    public long Total => _total;

    /// <summary>Room for at least one byte, as soon as a buffer is free.</summary>
    public async ValueTask<Memory<byte>> RoomAsync(CancellationToken cancellationToken)
    {
        _buffer ??= await upload.Buffers.RentAsync(NextLength(), cancellationToken).ConfigureAwait(false);
        return Room();
    }

    /// <summary>The same, holding the calling thread while no buffer is free.</summary>
    public Memory<byte> Room(CancellationToken cancellationToken)
    {
        _buffer ??= upload.Buffers.Rent(NextLength(), cancellationToken);
        return Room();
    }

    /// <summary>Takes note of bytes that were put into the room; sends the chunk when it is full.</summary>
    public void Advance(int count)
    {
        _filled += count;
        _total += count;
        if (_filled == upload.ChunkSize)
        {
            Send();
        }
    }

    /// <summary>Sends what is left as the last chunk.</summary>
    public void End()
    {
        if (_filled > 0)
        {
            Send();
        }
        else if (_buffer is { } unused)
        {
            _buffer = null;
            upload.Buffers.Return(unused);
        }
    }

    private Memory<byte> Room()
    {
        if (_filled == _buffer!.Length)
        {
            int grown = _buffer.Length * 4L > LargestPartial ? upload.ChunkSize : _buffer.Length * 4;
            _buffer = upload.Buffers.Grow(_buffer, _filled, Math.Min(grown, upload.ChunkSize));
        }

        // A buffer may be longer than a chunk; the file's chunks are of equal length.
        return _buffer.AsMemory(_filled, Math.Min(_buffer.Length, upload.ChunkSize) - _filled);
    }

    private int NextLength()
    {
        // One byte more than expected: room for the read that finds the end.
        long wanted = length switch
        {
            { } known => Math.Max(known - _total, 0) + 1,
            null when _total == 0 => FirstBuffer,
            null => upload.ChunkSize,
        };
        long rounded = wanted >= upload.ChunkSize
            ? upload.ChunkSize
            : BitOperations.RoundUpToPowerOf2((uint)Math.Max(wanted, SmallestBuffer));
        return (int)Math.Min(rounded, upload.ChunkSize);
    }

    private void Send()
    {
        byte[] full = _buffer!;
        int count = _filled;
        _buffer = null;
        _filled = 0;
        upload.Send(full, count);
    }
}
