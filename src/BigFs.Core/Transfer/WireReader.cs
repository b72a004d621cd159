using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Unicode;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>
/// Takes little-endian fields off a message, bounds checked: what is missing reads as zero and is remembered.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;
    private bool _broken;

    /// <summary>Whether every field was there and well formed, and nothing is left over.</summary>
    public readonly bool AtCleanEnd => !_broken && _rest.IsEmpty;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A node's id: sixteen bytes in the order of its hexadecimal digits.</summary>
    public NodeId Node() => new(new Guid(Take(16), bigEndian: true));

    /// <summary>Bytes that must be zero, room for later versions.</summary>
    public void Reserved(int count)
    {
        // In two steps: "_broken |= ..." would read the flag before Take can set it, and forget what Take found missing.
        bool isUsed = Take(count).ContainsAnyExcept((byte)0);
        _broken |= isUsed;
    }

    /// <summary>UTF-8 with its length in bytes in front, two bytes.</summary>
    public string Text(int maxBytes)
    {
        int length = UInt16();
        if (length > maxBytes || length > _rest.Length || !Utf8.IsValid(_rest[..length]))
        {
            _broken = true;
            return "";
        }

        string text = Encoding.UTF8.GetString(_rest[..length]);
        _rest = _rest[length..];
        return text;
    }

    /// <summary>Bytes with their number in front, two bytes.</summary>
    public ImmutableArray<byte> Bytes(int maxBytes)
    {
        int length = UInt16();
        if (length > maxBytes || length > _rest.Length)
        {
            _broken = true;
            return [];
        }

        ImmutableArray<byte> bytes = [.. _rest[..length]];
        _rest = _rest[length..];
        return bytes;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (_rest.Length < count)
        {
            _broken = true;
            _rest = default;
            return "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"u8[..count];
        }

        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
