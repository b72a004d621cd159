using System.Buffers;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>
/// Cuts a range of a chunk into pieces of whole blocks to be filled one after the other, and verifies each: whole blocks
/// in the destination itself, a part of a block through a scratch block. Used by one caller at a time.
/// </summary>
/// <param name="chunkLength">Bytes of the chunk.</param>
/// <param name="checksums">Block checksums for which <see cref="BlockRange.Vouches"/> holds.</param>
/// <param name="offset">First byte wanted.</param>
/// <param name="destination">As long as the bytes wanted.</param>
internal sealed class VerifiedRange(
    int chunkLength, ReadOnlyMemory<uint> checksums, int offset, Memory<byte> destination) : IDisposable
{
    /// <summary>Most bytes of a piece: four blocks, which are still in the processor's cache when they are verified.</summary>
    private const int MaxPiece = 4 * Limits.BlockSize;

    private byte[]? _scratch;

    /// <summary>The checksum of the bytes that were accepted.</summary>
    public uint Crc32C { get; private set; }

    /// <summary>The piece that comes next.</summary>
    /// <param name="start">Its first byte in the chunk, a block's.</param>
    /// <param name="piece">Where its bytes go.</param>
    /// <returns>False when the destination is full.</returns>
    public bool Next(out int start, out Memory<byte> piece)
    {
        start = offset / Limits.BlockSize * Limits.BlockSize;
        if (destination.IsEmpty)
        {
            piece = default;
            return false;
        }

        int end = BlockRange.EndOfBlock(offset, chunkLength);
        piece = offset == start && destination.Length >= end - start
            ? destination[..WholeBlocks(Math.Min(destination.Length, MaxPiece))]
            : (_scratch ??= ArrayPool<byte>.Shared.Rent(Limits.BlockSize)).AsMemory(0, end - start);
        return true;
    }

    /// <summary>Takes the piece, filled by now; false when it is damaged.</summary>
    public bool Accept(Memory<byte> piece)
    {
        int start = offset / Limits.BlockSize * Limits.BlockSize;
        ReadOnlySpan<uint> expected = checksums.Span[(start / Limits.BlockSize)..];
        if (!Matches(piece.Span, expected))
        {
            return false;
        }

        int taken = piece.Length;
        if (destination.Span[..Math.Min(1, destination.Length)].Overlaps(piece.Span))
        {
            for (int at = 0; at < taken; at += Limits.BlockSize)
            {
                Crc32C = Chunking.Crc32C.Combine(Crc32C, expected[at / Limits.BlockSize], Math.Min(Limits.BlockSize, taken - at));
            }
        }
        else
        {
            taken = Math.Min(start + piece.Length - offset, destination.Length);
            Memory<byte> wanted = destination[..taken];
            piece.Slice(offset - start, taken).CopyTo(wanted);
            Crc32C = Chunking.Crc32C.Append(Crc32C, wanted.Span);
        }

        offset += taken;
        destination = destination[taken..];
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_scratch is { } scratch)
        {
            _scratch = null;
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    /// <summary>
    /// Bytes of the whole blocks from here on that fit; the chunk's last block may be a short one.
    /// </summary>
    private int WholeBlocks(int length) =>
        offset + length == chunkLength ? length : length / Limits.BlockSize * Limits.BlockSize;

    private static bool Matches(ReadOnlySpan<byte> bytes, ReadOnlySpan<uint> checksums)
    {
        for (int block = 0; !bytes.IsEmpty; block++)
        {
            ReadOnlySpan<byte> one = bytes[..Math.Min(Limits.BlockSize, bytes.Length)];
            if (Chunking.Crc32C.Compute(one) != checksums[block])
            {
                return false;
            }

            bytes = bytes[one.Length..];
        }

        return true;
    }
}
