using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The blocks of a chunk that cover a range of it, and how they are read so that no byte is trusted unverified.
/// </summary>
internal static class BlockRange
{
    /// <summary>Reads the chunk's bytes from an offset on, filling the destination.</summary>
    public delegate ValueTask<ChunkStatus> Source(int offset, Memory<byte> destination);

    /// <summary>Blocks of a chunk of this length.</summary>
    public static int BlocksOf(int chunkLength) => (chunkLength + Limits.BlockSize - 1) / Limits.BlockSize;

    /// <summary>
    /// First byte of the first block and end of the last block that the range touches; an empty range touches none.
    /// </summary>
    public static (int Start, int End) Cover(int offset, int length, int chunkLength)
    {
        int start = offset / Limits.BlockSize * Limits.BlockSize;
        return length == 0 ? (start, start) : (start, EndOfBlock(offset + length - 1, chunkLength));
    }

    /// <summary>
    /// Whether block checksums may be trusted for this chunk: one a block, and together they are the checksum that the
    /// chunk's writer made.
    /// </summary>
    public static bool Vouches(ReadOnlySpan<uint> checksums, ChunkReference chunk)
    {
        if (checksums.Length != BlocksOf(chunk.Length))
        {
            return false;
        }

        uint combined = 0;
        for (int block = 0; block < checksums.Length; block++)
        {
            int length = Math.Min(Limits.BlockSize, chunk.Length - (block * Limits.BlockSize));
            combined = Crc32C.Combine(combined, checksums[block], length);
        }

        return combined == chunk.Crc32C;
    }

    /// <summary>
    /// Fills the destination with the chunk's bytes from the offset on, front to back, each block verified.
    /// </summary>
    /// <param name="chunkLength">Bytes of the chunk.</param>
    /// <param name="checksums">Block checksums for which <see cref="Vouches"/> holds.</param>
    /// <param name="offset">First byte wanted.</param>
    /// <param name="destination">As long as the bytes wanted.</param>
    /// <param name="source">Asked for the covering blocks, in order, without gaps.</param>
    public static async ValueTask<ChunkReadResult> ReadAsync(
        int chunkLength, ReadOnlyMemory<uint> checksums, int offset, Memory<byte> destination, Source source)
    {
        using var range = new VerifiedRange(chunkLength, checksums, offset, destination);
        while (range.Next(out int start, out Memory<byte> piece))
        {
            ChunkStatus status = await source(start, piece);
            if (status != ChunkStatus.Ok)
            {
                return new ChunkReadResult(status);
            }

            if (!range.Accept(piece))
            {
                return new ChunkReadResult(ChunkStatus.Damaged);
            }
        }

        return new ChunkReadResult(ChunkStatus.Ok, range.Crc32C);
    }

    /// <summary>Where the block of a byte ends.</summary>
    public static int EndOfBlock(int offset, int chunkLength) =>
        Math.Min(((offset / Limits.BlockSize) + 1) * Limits.BlockSize, chunkLength);
}
