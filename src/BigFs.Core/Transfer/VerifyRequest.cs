using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Core.Transfer;

/// <summary>Asks a node to reread the blocks that a range of a chunk touches and to check them where they are.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Key">The chunk.</param>
/// <param name="Offset">First byte of the range.</param>
/// <param name="Length">Its bytes; 0 for all up to the chunk's end.</param>
/// <param name="Capability">What allows it.</param>
internal readonly record struct VerifyRequest(
    VolumeId Volume, ChunkKey Key, int Offset, int Length, ImmutableArray<byte> Capability)
{
    /// <summary>Most bytes of the message.</summary>
    public const int MaxBytes = ReadRequest.MaxBytes;

    /// <summary>What the capability has to cover.</summary>
    public CapabilityUse ToUse() => new() { Operation = CapabilityOperation.VerifyChunks, Volume = Volume, Key = Key };

    /// <summary>Writes the message, which is laid out as a read's, and returns its length.</summary>
    public int Encode(Span<byte> bytes) => new ReadRequest(Volume, Key, Offset, Length, Capability).Encode(bytes);

    /// <summary>Reads a message; null when it is malformed or the range lies beyond the largest chunk.</summary>
    public static VerifyRequest? Decode(ReadOnlySpan<byte> bytes) => ReadRequest.Decode(bytes) is { } read
        ? new VerifyRequest(read.Volume, read.Key, read.Offset, read.Length, read.Capability)
        : null;
}

/// <summary>A chunk as its node holds it, when what was reread is as it was stored.</summary>
/// <param name="Length">Bytes of the chunk.</param>
/// <param name="Crc32C">Its checksum, combined from its blocks': to be compared with the manifest's.</param>
internal readonly record struct VerifyAnswer(int Length, uint Crc32C)
{
    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 8;

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.UInt32((uint)Length);
        writer.UInt32(Crc32C);
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed.</summary>
    public static VerifyAnswer? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        uint length = reader.UInt32();
        uint crc32C = reader.UInt32();
        return reader.AtCleanEnd && length is > 0 and <= Limits.MaxChunkSize ? new VerifyAnswer((int)length, crc32C) : null;
    }
}
