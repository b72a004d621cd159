using System.Buffers.Binary;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>A chunk's length and the checksums of all its blocks; the data frames of the range follow.</summary>
internal static class ReadAnswer
{
    /// <summary>Writes the message and returns its length.</summary>
    public static int Encode(int chunkLength, ReadOnlySpan<uint> blockChecksums, Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.UInt32((uint)chunkLength);
        foreach (uint checksum in blockChecksums)
        {
            writer.UInt32(checksum);
        }

        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed, breaks a limit, or has not one checksum a block.</summary>
    public static (int ChunkLength, uint[] BlockChecksums)? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(uint) || bytes.Length % sizeof(uint) != 0)
        {
            return null;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        bytes = bytes[sizeof(uint)..];
        if (length is 0 or > Limits.MaxChunkSize || bytes.Length / sizeof(uint) != BlockRange.BlocksOf((int)length))
        {
            return null;
        }

        var checksums = new uint[bytes.Length / sizeof(uint)];
        for (int i = 0; i < checksums.Length; i++)
        {
            checksums[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
        }

        return ((int)length, checksums);
    }
}
