using System.Buffers.Binary;
using System.Text;

namespace BigFs.Core.Metadata;

/// <summary>
/// Reads what <see cref="FieldWriter"/> wrote. Trusts nothing: whatever is cut short, too long or out of range is a
/// <see cref="BigFsErrorCode.DataUnreadable"/>.
/// </summary>
internal ref struct FieldReader(ReadOnlySpan<byte> bytes, string what)
{
    private ReadOnlySpan<byte> _rest = bytes;
    private readonly string _what = what;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => _rest.Length;

    public byte Byte() => Take(1)[0];

    public ulong Unsigned()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte one = Byte();
            if (shift == 63 && one > 1)
            {
                break;
            }

            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
            {
                return value;
            }
        }

        throw Damaged("a number is too long");
    }

    /// <summary>A number of 0 to <paramref name="most"/>.</summary>
    public int Count(int most)
    {
        ulong value = Unsigned();
        return value <= (ulong)most ? (int)value : throw Damaged($"{value} is more than {most}");
    }

    public long Signed()
    {
        ulong value = Unsigned();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    public uint Word() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong LongWord() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public string Text(int mostBytes) => Encoding.UTF8.GetString(Bytes(mostBytes));

    /// <summary>A length of at most <paramref name="most"/>, and so many bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int most) => Take(Count(most));

    /// <summary>Refuses another form than the known one.</summary>
    public void Form(byte known)
    {
        byte form = Byte();
        if (form != known)
        {
            throw Damaged($"form {form} is not known, only {known} is");
        }
    }

    /// <summary>Refuses bytes after the end.</summary>
    public readonly void End()
    {
        if (Remaining > 0)
        {
            throw Damaged($"{Remaining} bytes too many");
        }
    }

    public readonly BigFsException Damaged(string problem) =>
        new(BigFsErrorCode.DataUnreadable, $"A stored {_what} cannot be read: {problem}.");

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
        {
            throw Damaged("it ends too early");
        }

        ReadOnlySpan<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
