using BigFs.Core.Model;

namespace BigFs.Core.Chunking;

/// <summary>
/// Checksums of a chunk's blocks of <see cref="Limits.BlockSize"/> bytes (the last may be shorter). They are computed
/// once; the checksum of the whole chunk is their combination.
/// </summary>
public static class BlockChecksums
{
    /// <summary>How many blocks a payload of this many bytes has.</summary>
    public static int Count(int length) => (int)(((long)length + Limits.BlockSize - 1) / Limits.BlockSize);

    /// <summary>The checksum of each block of the payload.</summary>
    public static uint[] Compute(ReadOnlySpan<byte> payload)
    {
        var blocks = new uint[Count(payload.Length)];
        for (int i = 0; i < blocks.Length; i++)
        {
            int start = i * Limits.BlockSize;
            blocks[i] = Crc32C.Compute(payload.Slice(start, Math.Min(Limits.BlockSize, payload.Length - start)));
        }

        return blocks;
    }

    /// <summary>The checksum of the whole payload of this length, from those of its blocks.</summary>
    /// <exception cref="ArgumentException">The number of checksums is not that of the payload's blocks.</exception>
    public static uint Combine(ReadOnlySpan<uint> blocks, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (blocks.Length != Count(length))
        {
            throw new ArgumentException($"{length} bytes have {Count(length)} blocks, not {blocks.Length}.", nameof(blocks));
        }

        uint whole = 0;
        for (int i = 0; i < blocks.Length; i++)
        {
            int start = i * Limits.BlockSize;
            whole = Crc32C.Combine(whole, blocks[i], Math.Min(Limits.BlockSize, length - start));
        }

        return whole;
    }
}
