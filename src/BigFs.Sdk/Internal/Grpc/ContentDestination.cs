using System.Buffers;
using BigFs.Core.Chunking;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Where the bytes of a content stream go that its reader wants in memory of its own: straight out of the transport's buffers,
/// each piece with its checksum while it is in the processor's cache. It is found by the flow of the call that reads, as
/// <see cref="CallRoute"/> is. One reader.
/// </summary>
internal sealed class ContentDestination(Memory<byte> memory) : IDisposable
{
    /// <summary>Bytes copied and summed at a time: 32 KiB, a part of the smallest cache.</summary>
    private const int Step = 32 << 10;

    private static readonly AsyncLocal<ContentDestination?> OfFlow = new();

    private Memory<byte> _memory = memory;

    /// <summary>The destination of the calls that are made and read from here on; null where messages keep their bytes.</summary>
    public static ContentDestination? Current
    {
        get => OfFlow.Value;
        set => OfFlow.Value = value;
    }

    /// <summary>Bytes so far.</summary>
    public int Filled { get; private set; }

    /// <summary>Their checksum.</summary>
    public uint Crc32C { get; private set; }

    /// <summary>Whether more came than there is room for.</summary>
    public bool IsOverfull { get; private set; }

    /// <summary>Takes the next bytes.</summary>
    public void Take(in ReadOnlySequence<byte> data)
    {
        if (data.Length > _memory.Length - Filled)
        {
            IsOverfull = true;
            return;
        }

        foreach (ReadOnlyMemory<byte> segment in data)
        {
            for (int at = 0; at < segment.Length; at += Step)
            {
                ReadOnlySpan<byte> bytes = segment.Span.Slice(at, Math.Min(Step, segment.Length - at));
                Span<byte> room = _memory.Span.Slice(Filled, bytes.Length);
                bytes.CopyTo(room);
                Crc32C = Core.Chunking.Crc32C.Append(Crc32C, room);
                Filled += bytes.Length;
            }
        }
    }

    /// <summary>Lets go of the memory, whoever may still know of this.</summary>
    public void Dispose() => _memory = default;
}
