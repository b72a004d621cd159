using System.Buffers;
using System.Runtime.InteropServices;
using BigFs.Core.Chunking;

namespace BigFs.Core.Storage;

/// <summary>
/// Page-aligned native memory for one chunk on its way to a disk: room for a record's head in front and for its trailer
/// behind, so that the socket receives into <see cref="Payload"/> and one aligned write puts all of it on the disk.
/// One owner at a time; disposing gives it back to its pool.
/// </summary>
public sealed unsafe class ChunkBuffer : MemoryManager<byte>
{
    /// <summary>Alignment of memory, file offsets and lengths for direct writes: 4 KiB.</summary>
    public const int Alignment = 4096;

    /// <summary>Bytes in front of the payload: one page.</summary>
    public const int HeadLength = Alignment;

    private readonly ChunkBufferPool _pool;
    private byte* _address;
    private int _rented;

    internal ChunkBuffer(ChunkBufferPool pool, int capacity)
    {
        _pool = pool;
        Capacity = capacity;
        _address = (byte*)NativeMemory.AlignedAlloc((nuint)capacity, Alignment);
    }

    /// <summary>All bytes of the buffer, head and trailer room included.</summary>
    public int Capacity { get; }

    /// <summary>Length of the payload it was rented for.</summary>
    public int PayloadLength { get; private set; }

    /// <summary>Where the payload goes: starts one page into the buffer.</summary>
    public Memory<byte> Payload => Memory.Slice(HeadLength, PayloadLength);

    /// <summary>
    /// Checksums of the payload's blocks, for who fills it front to back and appends each piece here while it is still in the
    /// processor's cache; whoever appends none leaves the counting to the store.
    /// </summary>
    public BlockChecksumBuilder Checksums { get; } = new();

    /// <summary>Room that a payload of this length needs in all: head, payload, trailer, rounded up to pages.</summary>
    public static int CapacityFor(int payloadLength)
    {
        int body = LogFormat.BodyLength(RecordKind.Chunk, payloadLength);
        return LogFormat.Align(HeadLength + body, Alignment);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The buffer was given back.</exception>
    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _rented) == 0, this);
        return new Span<byte>(_address, Capacity);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The buffer was given back.</exception>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _rented) == 0, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)Capacity);
        return new MemoryHandle(_address + elementIndex);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <summary>Gives the buffer back to its pool; a second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, 0) == 1)
        {
            _pool.Return(this);
        }
    }

    internal void Rent(int payloadLength)
    {
        PayloadLength = payloadLength;
        Checksums.Reset(payloadLength);
        Volatile.Write(ref _rented, 1);
    }

    internal void Free()
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => Dispose();
}
