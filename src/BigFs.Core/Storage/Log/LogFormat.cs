using System.Buffers.Binary;
using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>The volume log's bytes, as <c>docs/on-disk-format.md</c> describes them. All numbers are little-endian.</summary>
internal static class LogFormat
{
    public const int FormatVersion = 1;
    public const int PageSize = ChunkBuffer.Alignment;

    /// <summary>Length of a batch header, and of each record header behind it.</summary>
    public const int HeaderLength = 64;

    /// <summary>Most records of one batch: their headers and the batch's fill 64 KiB.</summary>
    public const int MaxRecords = 1023;

    /// <summary>Most bytes of a batch that gathers small records.</summary>
    public const int MaxGatheredLength = 1 << 20;

    /// <summary>Longest batch: one largest chunk.</summary>
    public const int MaxBatchLength = Limits.MaxChunkSize + (4 * PageSize);

    /// <summary>Chunks of at least so many bytes get a batch of their own, written from where they were received.</summary>
    public const int LargeChunk = 64 << 10;

    private const ulong SuperblockMagic = 0x4C4F565346474942; // "BIGFSVOL"
    private const uint BatchMagic = 0x42534642; // "BFSB"
    private const uint RecordMagic = 0x52534642; // "BFSR"
    private const int ChecksumAt = HeaderLength - sizeof(uint);
    private const int SuperblockChecksumAt = PageSize - sizeof(uint);

    public static int Align(int value, int alignment) => (value + alignment - 1) / alignment * alignment;

    /// <summary>Bytes that a record's payload and trailer take, the padding behind each to 8 bytes included.</summary>
    public static int BodyLength(RecordKind kind, int payloadLength) =>
        Align(payloadLength, 8) + (kind == RecordKind.Chunk ? Align(TrailerLength(payloadLength), 8) : 0);

    /// <summary>Bytes that a chunk takes in a log, its own headers included; the padding of gathered batches is not.</summary>
    public static long FootprintOf(int payloadLength)
    {
        int body = BodyLength(RecordKind.Chunk, payloadLength);
        return payloadLength >= LargeChunk ? Align(PageSize + body, PageSize) : HeaderLength + body;
    }

    /// <summary>Bytes of a chunk's block checksums.</summary>
    public static int TrailerLength(int payloadLength) => BlockChecksums.Count(payloadLength) * sizeof(uint);

    /// <summary>Where a chunk's block checksums begin, from the offset of its payload.</summary>
    public static long TrailerOffset(long payloadOffset, int payloadLength) =>
        payloadOffset + Align(payloadLength, 8);

    public static void WriteSuperblock(Span<byte> page, in Superblock block)
    {
        page[..PageSize].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, SuperblockMagic);
        BinaryPrimitives.WriteInt32LittleEndian(page[8..], FormatVersion);
        BinaryPrimitives.WriteInt64LittleEndian(page[16..], block.Volume.Value);
        block.Node.Value.TryWriteBytes(page[24..], bigEndian: true, out _);
        block.Salt.TryWriteBytes(page[40..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(page[56..], block.Created.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteUInt32LittleEndian(
            page[SuperblockChecksumAt..], Crc32C.Compute(page[..SuperblockChecksumAt]));
    }

    /// <summary>Reads the superblock; null when it is not one.</summary>
    /// <exception cref="BigFsException">DataUnreadable: a newer format.</exception>
    public static Superblock? ReadSuperblock(ReadOnlySpan<byte> page, string path)
    {
        if (page.Length < PageSize
            || BinaryPrimitives.ReadUInt64LittleEndian(page) != SuperblockMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(page[SuperblockChecksumAt..])
                != Crc32C.Compute(page[..SuperblockChecksumAt]))
        {
            return null;
        }

        int version = BinaryPrimitives.ReadInt32LittleEndian(page[8..]);
        if (version != FormatVersion)
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"The volume \"{path}\" has format {version}; this version knows {FormatVersion}.");
        }

        return new Superblock(
            new VolumeId(BinaryPrimitives.ReadInt64LittleEndian(page[16..])),
            new NodeId(new Guid(page.Slice(24, 16), bigEndian: true)),
            new Guid(page.Slice(40, 16), bigEndian: true),
            DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(page[56..])));
    }

    /// <summary>
    /// The checksum that every header's begins from: made of the salt, so that a payload (a copy of another log, say)
    /// does not pass for a header of this one.
    /// </summary>
    public static uint HeaderSeed(Guid salt) => Crc32C.Compute(salt.ToByteArray(bigEndian: true));

    public static void WriteBatch(Span<byte> target, uint seed, in BatchHeader header)
    {
        target[..HeaderLength].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, BatchMagic);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], header.Records);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], header.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], header.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], header.Durable);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], header.Offset);
        BinaryPrimitives.WriteInt32LittleEndian(target[40..], header.Length);
        Close(target, seed);
    }

    /// <summary>Reads a batch header that must stand at this offset of the file; false when none does.</summary>
    public static bool TryReadBatch(ReadOnlySpan<byte> source, uint seed, long offset, out BatchHeader header)
    {
        header = default;
        if (!IsClosed(source, seed, BatchMagic))
        {
            return false;
        }

        header = new BatchHeader(
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[40..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[4..]));
        return header.Offset == offset
            && header.Durable <= offset
            && header.Length is >= PageSize and <= MaxBatchLength
            && header.Length % PageSize == 0
            && header.Records is >= 1 and <= MaxRecords
            && (header.Records + 1) * HeaderLength <= header.Length;
    }

    public static void WriteRecord(Span<byte> target, uint seed, in RecordHeader header)
    {
        target[..HeaderLength].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, RecordMagic);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], (int)header.Kind);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], header.Key);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], header.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], header.Crc32C);
        BinaryPrimitives.WriteInt32LittleEndian(target[24..], header.PayloadAt);
        BinaryPrimitives.WriteInt32LittleEndian(target[28..], header.Index);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], header.Sequence);
        Close(target, seed);
    }

    /// <summary>Reads the record header that must stand at this place of the batch; false when it does not.</summary>
    public static bool TryReadRecord(
        ReadOnlySpan<byte> source, uint seed, in BatchHeader batch, int index, out RecordHeader header)
    {
        header = default;
        if (!IsClosed(source, seed, RecordMagic))
        {
            return false;
        }

        header = new RecordHeader(
            (RecordKind)BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[28..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]));
        return header.Index == index
            && header.Sequence == batch.Sequence
            && header.Kind is RecordKind.Chunk or RecordKind.Delete or RecordKind.Epoch
            && header.Length is >= 0 and <= Limits.MaxChunkSize
            && header.PayloadAt >= (batch.Records + 1) * HeaderLength
            && (long)header.PayloadAt + BodyLength(header.Kind, header.Length) <= batch.Length;
    }

    public static void WriteTrailer(Span<byte> target, ReadOnlySpan<uint> blocks)
    {
        for (int i = 0; i < blocks.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[(i * sizeof(uint))..], blocks[i]);
        }
    }

    public static uint[] ReadTrailer(ReadOnlySpan<byte> source)
    {
        var blocks = new uint[source.Length / sizeof(uint)];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = BinaryPrimitives.ReadUInt32LittleEndian(source[(i * sizeof(uint))..]);
        }

        return blocks;
    }

    /// <summary>The payload of an epoch record; the epoch itself is the record's key.</summary>
    public static byte[] WriteEpoch(ReplicaState state, ImmutableArray<NodeId> members)
    {
        var body = new byte[8 + (16 * members.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(body, (int)state);
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(4), members.Length);
        for (int i = 0; i < members.Length; i++)
        {
            members[i].Value.TryWriteBytes(body.AsSpan(8 + (16 * i)), bigEndian: true, out _);
        }

        return body;
    }

    /// <summary>Reads an epoch record's payload; null when it is not one.</summary>
    public static VolumeEpoch? ReadEpoch(long epoch, ReadOnlySpan<byte> body)
    {
        if (body.Length < 8)
        {
            return null;
        }

        var state = (ReplicaState)BinaryPrimitives.ReadInt32LittleEndian(body);
        int count = BinaryPrimitives.ReadInt32LittleEndian(body[4..]);
        if (state is not (ReplicaState.Open or ReplicaState.Fenced or ReplicaState.Sealed)
            || count is < 1 or > Limits.MaxReplicas
            || body.Length != 8 + (16 * count))
        {
            return null;
        }

        var members = new NodeId[count];
        for (int i = 0; i < count; i++)
        {
            members[i] = new NodeId(new Guid(body.Slice(8 + (16 * i), 16), bigEndian: true));
        }

        return new VolumeEpoch(epoch, state, ImmutableArray.Create(members));
    }

    private static void Close(Span<byte> header, uint seed) => BinaryPrimitives.WriteUInt32LittleEndian(
        header[ChecksumAt..], Crc32C.Append(seed, header[..ChecksumAt]));

    private static bool IsClosed(ReadOnlySpan<byte> header, uint seed, uint magic) =>
        header.Length >= HeaderLength
        && BinaryPrimitives.ReadUInt32LittleEndian(header) == magic
        && BinaryPrimitives.ReadUInt32LittleEndian(header[ChecksumAt..]) == Crc32C.Append(seed, header[..ChecksumAt]);
}

/// <summary>What a record of the log says.</summary>
internal enum RecordKind
{
    /// <summary>A chunk: payload and block checksums follow.</summary>
    Chunk = 1,

    /// <summary>The key is deleted and never returns.</summary>
    Delete = 2,

    /// <summary>From here on the volume has this epoch, state and these members.</summary>
    Epoch = 3,
}

/// <summary>First page of a volume log.</summary>
internal readonly record struct Superblock(VolumeId Volume, NodeId Node, Guid Salt, DateTimeOffset Created);

/// <summary>Head of a batch.</summary>
/// <param name="Incarnation">Counts the openings of the log.</param>
/// <param name="Sequence">Counts the batches of the log, from 1.</param>
/// <param name="Durable">Everything before this offset of the file was flushed when the batch was written.</param>
/// <param name="Offset">Where the batch stands.</param>
/// <param name="Length">Its bytes, whole pages.</param>
/// <param name="Records">How many record headers follow.</param>
internal readonly record struct BatchHeader(
    long Incarnation, long Sequence, long Durable, long Offset, int Length, int Records);

/// <summary>Head of a record.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Key">The chunk's key, or the epoch.</param>
/// <param name="Length">Bytes of the payload.</param>
/// <param name="Crc32C">Checksum of the payload.</param>
/// <param name="PayloadAt">Where the payload begins, from the start of the batch.</param>
/// <param name="Index">Its number within the batch, from 0.</param>
/// <param name="Sequence">The batch's sequence.</param>
internal readonly record struct RecordHeader(
    RecordKind Kind, ulong Key, int Length, uint Crc32C, int PayloadAt, int Index, long Sequence);

/// <summary>Epoch, state and members that hold from an epoch record on.</summary>
internal sealed record VolumeEpoch(long Epoch, ReplicaState State, ImmutableArray<NodeId> Members);
