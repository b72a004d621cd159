using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Core.Transfer;

/// <summary>Asks for a range of a chunk; a length of zero asks for its block checksums alone.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Key">The chunk.</param>
/// <param name="Offset">First byte wanted.</param>
/// <param name="Length">Bytes wanted.</param>
/// <param name="Capability">What allows it; empty when there is none.</param>
internal readonly record struct ReadRequest(
    VolumeId Volume, ChunkKey Key, int Offset, int Length, ImmutableArray<byte> Capability)
{
    /// <summary>Most bytes of the message.</summary>
    public const int MaxBytes = 26 + Security.Capability.MaxBytes;

    /// <summary>What the capability has to cover.</summary>
    public CapabilityUse ToUse() => new() { Operation = CapabilityOperation.ReadChunks, Volume = Volume, Key = Key };

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Int64(Volume.Value);
        writer.UInt64(Key.Value);
        writer.UInt32((uint)Offset);
        writer.UInt32((uint)Length);
        writer.Bytes(Capability.AsSpan());
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
        ImmutableArray<byte> capability = reader.Bytes(Security.Capability.MaxBytes);
        return reader.AtCleanEnd && (ulong)offset + length <= Limits.MaxChunkSize
            ? new ReadRequest(volume, key, (int)offset, (int)length, capability)
            : null;
    }
}
