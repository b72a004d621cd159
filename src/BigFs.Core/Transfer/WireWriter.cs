using System.Buffers.Binary;
using System.Text;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>Puts little-endian fields into a message; the counterpart of <see cref="WireReader"/>.</summary>
internal ref struct WireWriter(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public void Byte(byte value) => Room(1)[0] = value;

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Room(2), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Room(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Room(8), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Room(8), value);

    public void Node(NodeId value) => value.Value.TryWriteBytes(Room(16), bigEndian: true, out _);

    public void Reserved(int count) => Room(count).Clear();

    /// <summary>Writes text, cut at the last whole character that fits.</summary>
    public void Text(string value, int maxBytes)
    {
        Span<byte> length = Room(2);
        Encoding.UTF8.GetEncoder().Convert(value, _bytes.Slice(Length, maxBytes), flush: false, out _, out int used, out _);
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)used);
        Length += used;
    }

    /// <summary>Writes bytes with their number in front; the caller knows that they are at most 65,535.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        UInt16(checked((ushort)value.Length));
        value.CopyTo(Room(value.Length));
    }

    private Span<byte> Room(int count)
    {
        Span<byte> room = _bytes.Slice(Length, count);
        Length += count;
        return room;
    }
}
