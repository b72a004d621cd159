using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Asks for a page of a volume: the chunks of the keys named, or all that come after a key.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="After">With no keys: the page begins behind this one.</param>
/// <param name="MaxBytes">The page ends with the chunk that reaches so many bytes; 1 or more.</param>
/// <param name="Keys">Which chunks, ascending, at most <see cref="MaxKeys"/>; empty for all.</param>
/// <param name="Capability">What allows it.</param>
internal readonly record struct CopyRequest(
    VolumeId Volume, ChunkKey After, uint MaxBytes, ImmutableArray<ChunkKey> Keys, ImmutableArray<byte> Capability)
{
    /// <summary>Most keys of a request.</summary>
    public const int MaxKeys = 512;

    /// <summary>What the capability has to cover.</summary>
    public CapabilityUse ToUse() =>
        new() { Operation = CapabilityOperation.CopyVolume, Volume = Volume, Key = Security.Capability.WholeVolume };

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Int64(Volume.Value);
        writer.UInt64(After.Value);
        writer.UInt32(MaxBytes);
        writer.UInt16((ushort)Keys.Length);
        writer.Reserved(2);
        foreach (ChunkKey key in Keys)
        {
            writer.UInt64(key.Value);
        }

        writer.Bytes(Capability.AsSpan());
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed, breaks a limit, or its keys do not ascend.</summary>
    public static CopyRequest? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var volume = new VolumeId(reader.Int64());
        var after = new ChunkKey(reader.UInt64());
        uint maxBytes = reader.UInt32();
        int count = reader.UInt16();
        reader.Reserved(2);
        if (count > MaxKeys || maxBytes == 0)
        {
            return null;
        }

        var keys = new ChunkKey[count];
        bool ascend = true;
        for (int i = 0; i < count; i++)
        {
            keys[i] = new ChunkKey(reader.UInt64());
            ascend &= i == 0 || keys[i].CompareTo(keys[i - 1]) > 0;
        }

        ImmutableArray<byte> capability = reader.Bytes(Security.Capability.MaxBytes);
        return reader.AtCleanEnd && ascend ? new CopyRequest(volume, after, maxBytes, [.. keys], capability) : null;
    }
}

/// <summary>One chunk of a page; its bytes follow when the status is Ok.</summary>
/// <param name="Key">The chunk.</param>
/// <param name="Length">Bytes that follow; 0 unless the status is Ok.</param>
/// <param name="Crc32C">Their checksum, combined from the blocks' as they are stored.</param>
/// <param name="Status">Ok, ChunkDeleted, ChunkNotFound (of a key that was named), Damaged or DiskFailed.</param>
internal readonly record struct CopiedChunk(ChunkKey Key, int Length, uint Crc32C, ChunkStatus Status)
{
    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 20;

    /// <summary>Whether a status is about one chunk; any other ends the page.</summary>
    public static bool MayHave(ChunkStatus status) => status is ChunkStatus.Ok or ChunkStatus.ChunkDeleted
        or ChunkStatus.ChunkNotFound or ChunkStatus.Damaged or ChunkStatus.DiskFailed;

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.UInt64(Key.Value);
        writer.UInt32((uint)Length);
        writer.UInt32(Crc32C);
        writer.Byte((byte)Status);
        writer.Reserved(3);
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed or breaks a limit.</summary>
    public static CopiedChunk? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var key = new ChunkKey(reader.UInt64());
        uint length = reader.UInt32();
        uint crc32C = reader.UInt32();
        var status = (ChunkStatus)reader.Byte();
        reader.Reserved(3);
        bool legal = reader.AtCleanEnd && MayHave(status) && length <= Limits.MaxChunkSize
            && (length > 0) == (status == ChunkStatus.Ok);
        return legal ? new CopiedChunk(key, (int)length, crc32C, status) : null;
    }
}

/// <summary>The end of a page.</summary>
/// <param name="Last">The last key that was looked at: where the next page begins behind.</param>
/// <param name="HasMore">Whether the page ended before the volume, or the keys named, did.</param>
internal readonly record struct CopyAnswer(ChunkKey Last, bool HasMore)
{
    /// <summary>Bytes of the message.</summary>
    public const int Bytes = 16;

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.UInt64(Last.Value);
        writer.Byte(HasMore ? (byte)1 : (byte)0);
        writer.Reserved(7);
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed.</summary>
    public static CopyAnswer? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var last = new ChunkKey(reader.UInt64());
        byte more = reader.Byte();
        reader.Reserved(7);
        return reader.AtCleanEnd && more <= 1 ? new CopyAnswer(last, more == 1) : null;
    }
}
