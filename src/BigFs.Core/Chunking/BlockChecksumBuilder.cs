using BigFs.Core.Model;

namespace BigFs.Core.Chunking;

/// <summary>
/// Checksums of a payload's blocks (see <see cref="BlockChecksums"/>) while the payload arrives piece by piece, cut
/// anywhere. Used by one caller at a time.
/// </summary>
public sealed class BlockChecksumBuilder
{
    private uint[] _blocks = [];
    private int _length;
    private int _done;

    /// <summary>Whether all of the payload has been appended.</summary>
    public bool IsWhole => _length > 0 && _done == _length;

    /// <summary>Begins a payload of this length.</summary>
    public void Reset(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _length = length;
        _done = 0;
    }

    /// <summary>Takes the next bytes of the payload.</summary>
    /// <exception cref="ArgumentException">They are more than are left of it.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _length - _done)
        {
            throw new ArgumentException($"{bytes.Length} bytes are more than the {_length - _done} left.", nameof(bytes));
        }

        if (_done == 0)
        {
            _blocks = new uint[BlockChecksums.Count(_length)];
        }

        while (!bytes.IsEmpty)
        {
            int block = _done / Limits.BlockSize;
            ReadOnlySpan<byte> part = bytes[..Math.Min(bytes.Length, ((block + 1) * Limits.BlockSize) - _done)];
            _blocks[block] = Crc32C.Append(_blocks[block], part);
            _done += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>The checksum of each block, once the payload is whole; the caller's to keep.</summary>
    /// <exception cref="InvalidOperationException">It is not whole.</exception>
    public uint[] ToArray() => IsWhole ? _blocks : throw new InvalidOperationException("The payload is not whole.");
}
