using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>Asks for a range of a chunk; a length of zero asks for its block checksums alone.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Key">The chunk.</param>
/// <param name="Offset">First byte wanted.</param>
/// <param name="Length">Bytes wanted.</param>
internal readonly record struct ReadRequest(VolumeId Volume, ChunkKey Key, int Offset, int Length)
{
    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Int64(Volume.Value);
        writer.UInt64(Key.Value);
        writer.UInt32((uint)Offset);
        writer.UInt32((uint)Length);
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed or the range lies beyond the largest chunk.</summary>
    public static ReadRequest? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var volume = new VolumeId(reader.Int64());
        var key = new ChunkKey(reader.UInt64());
        uint offset = reader.UInt32();
        uint length = reader.UInt32();
        return reader.AtCleanEnd && (ulong)offset + length <= Limits.MaxChunkSize
            ? new ReadRequest(volume, key, (int)offset, (int)length)
            : null;
    }
}
