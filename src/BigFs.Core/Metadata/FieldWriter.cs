using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace BigFs.Core.Metadata;

/// <summary>Writes the fields of the namespace's binary forms: variable-length integers, strings, fixed words.</summary>
internal sealed class FieldWriter
{
    private readonly ArrayBufferWriter<byte> _buffer;

    /// <summary>Begins with nothing written.</summary>
    /// <param name="capacity">Bytes to make room for at once; more come as they are needed.</param>
    public FieldWriter(int capacity = 256) => _buffer = new ArrayBufferWriter<byte>(capacity);

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

    /// <summary>One byte.</summary>
    public void Byte(byte value)
    {
        _buffer.GetSpan(1)[0] = value;
        _buffer.Advance(1);
    }

    /// <summary>Little-endian base 128, 1 to 10 bytes.</summary>
    public void Unsigned(ulong value)
    {
        Span<byte> bytes = _buffer.GetSpan(10);
        int length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            bytes[length++] = (byte)(value | 0x80);
        }

        bytes[length++] = (byte)value;
        _buffer.Advance(length);
    }

    /// <summary>A signed number, small ones of either sign short (zigzag).</summary>
    public void Signed(long value) => Unsigned((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Four bytes, little-endian.</summary>
    public void Word(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.GetSpan(4), value);
        _buffer.Advance(4);
    }

    /// <summary>Eight bytes, little-endian.</summary>
    public void LongWord(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
    }

    /// <summary>The length in bytes of UTF-8, then the bytes.</summary>
    public void Text(ReadOnlySpan<char> value)
    {
        int bytes = Encoding.UTF8.GetByteCount(value);
        Unsigned((ulong)bytes);
        _buffer.Advance(Encoding.UTF8.GetBytes(value, _buffer.GetSpan(bytes)));
    }
}
