using System.Buffers;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// The blocks of a chunk that cover a range of it, and how they are read so that no byte is trusted unverified.
/// </summary>
internal static class BlockRange
{
    /// <summary>Most bytes asked of a source at once: four blocks.</summary>
    private const int MaxPiece = FrameHeader.MaxData;

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
    /// Fills the destination with the chunk's bytes from the offset on, front to back, each block verified. Whole blocks
    /// are read straight into the destination, a part of a block through a scratch block.
    /// </summary>
    /// <param name="chunkLength">Bytes of the chunk.</param>
    /// <param name="checksums">Block checksums for which <see cref="Vouches"/> holds.</param>
    /// <param name="offset">First byte wanted.</param>
    /// <param name="destination">As long as the bytes wanted.</param>
    /// <param name="source">Asked for the covering blocks, in order, without gaps.</param>
    public static async ValueTask<ChunkStatus> ReadAsync(
        int chunkLength, ReadOnlyMemory<uint> checksums, int offset, Memory<byte> destination, Source source)
    {
        byte[]? scratch = null;
        try
        {
            while (!destination.IsEmpty)
            {
                int block = offset / Limits.BlockSize;
                int start = block * Limits.BlockSize;
                int end = EndOfBlock(offset, chunkLength);
                bool whole = offset == start && destination.Length >= end - start;
                Memory<byte> piece = whole
                    ? destination[..WholeBlocks(offset, Math.Min(destination.Length, MaxPiece), chunkLength)]
                    : (scratch ??= ArrayPool<byte>.Shared.Rent(Limits.BlockSize)).AsMemory(0, end - start);
                ChunkStatus status = await source(start, piece);
                if (status != ChunkStatus.Ok)
                {
                    return status;
                }

                if (!Matches(piece.Span, checksums.Span[block..]))
                {
                    return ChunkStatus.Damaged;
                }

                int taken = piece.Length;
                if (!whole)
                {
                    taken = Math.Min(end - offset, destination.Length);
                    piece.Slice(offset - start, taken).CopyTo(destination);
                }

                offset += taken;
                destination = destination[taken..];
            }

            return ChunkStatus.Ok;
        }
        finally
        {
            if (scratch is not null)
            {
                ArrayPool<byte>.Shared.Return(scratch);
            }
        }
    }

    private static int EndOfBlock(int offset, int chunkLength) =>
        Math.Min(((offset / Limits.BlockSize) + 1) * Limits.BlockSize, chunkLength);

    /// <summary>
    /// Bytes of the whole blocks from a block's start on that fit; the chunk's last block may be a short one.
    /// </summary>
    private static int WholeBlocks(int start, int length, int chunkLength) =>
        start + length == chunkLength ? length : length / Limits.BlockSize * Limits.BlockSize;

    private static bool Matches(ReadOnlySpan<byte> bytes, ReadOnlySpan<uint> checksums)
    {
        for (int block = 0; !bytes.IsEmpty; block++)
        {
            ReadOnlySpan<byte> one = bytes[..Math.Min(Limits.BlockSize, bytes.Length)];
            if (Crc32C.Compute(one) != checksums[block])
            {
                return false;
            }

            bytes = bytes[one.Length..];
        }

        return true;
    }
}
