using System.Buffers.Binary;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>The index file's bytes, as <c>docs/on-disk-format.md</c> describes them. All numbers are little-endian.</summary>
internal static class IndexFormat
{
    public const int PageSize = LogFormat.PageSize;

    /// <summary>Bytes of an entry.</summary>
    public const int EntryLength = 24;

    /// <summary>Most entries of a leaf; every leaf but the last has so many.</summary>
    public const int LeafEntries = FootAt / EntryLength;

    /// <summary>Most keys of a page above the leaves; all but the last of a level have so many.</summary>
    public const int BranchKeys = FootAt / sizeof(ulong);

    private const int FormatVersion = 1;
    private const ulong Magic = 0x5844495346474942; // "BIGFSIDX"
    private const int FootAt = PageSize - 16;
    private const int ChecksumAt = PageSize - sizeof(uint);
    private const int MembersAt = 128;

    /// <summary>
    /// How many pages each level has, the leaves first, the root last; empty without entries. The levels follow the header
    /// page in this order.
    /// </summary>
    public static int[] Levels(long entries)
    {
        var levels = new List<int>();
        for (long pages = (entries + LeafEntries - 1) / LeafEntries; pages > 0;)
        {
            levels.Add(checked((int)pages));
            pages = pages == 1 ? 0 : (pages + BranchKeys - 1) / BranchKeys;
        }

        return [.. levels];
    }

    /// <summary>
    /// The checksum that those of all pages begin from: made of the log's salt and of the place up to which the index
    /// holds, so that no page of another index passes.
    /// </summary>
    public static uint PageSeed(in LogPosition position, Guid salt)
    {
        Span<byte> bytes = stackalloc byte[32];
        salt.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], position.End);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], position.Sequence);
        return Crc32C.Compute(bytes);
    }

    public static void WriteHeader(Span<byte> page, in IndexHeader header)
    {
        page[..PageSize].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(page[8..], FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(page[12..], header.Position.IsPinned ? 1 : 0);
        BinaryPrimitives.WriteInt64LittleEndian(page[16..], header.Volume.Value);
        header.Node.Value.TryWriteBytes(page[24..], bigEndian: true, out _);
        header.Salt.TryWriteBytes(page[40..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(page[56..], header.Position.End);
        BinaryPrimitives.WriteInt64LittleEndian(page[64..], header.Position.LastBatch);
        BinaryPrimitives.WriteInt64LittleEndian(page[72..], header.Position.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(page[80..], header.Position.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(page[88..], header.Entries);
        BinaryPrimitives.WriteInt64LittleEndian(page[96..], header.Live);
        BinaryPrimitives.WriteInt64LittleEndian(page[104..], header.LiveBytes);
        BinaryPrimitives.WriteInt64LittleEndian(page[112..], header.Epoch.Epoch);
        byte[] epoch = LogFormat.WriteEpoch(header.Epoch.State, header.Epoch.Members);
        BinaryPrimitives.WriteInt32LittleEndian(page[120..], epoch.Length);
        epoch.CopyTo(page[MembersAt..]);
        BinaryPrimitives.WriteUInt32LittleEndian(page[ChecksumAt..], Crc32C.Compute(page[..ChecksumAt]));
    }

    /// <summary>Reads the header page; null when it is none, damaged, or of a version that is not known here.</summary>
    public static IndexHeader? ReadHeader(ReadOnlySpan<byte> page)
    {
        if (page.Length < PageSize
            || BinaryPrimitives.ReadUInt64LittleEndian(page) != Magic
            || BinaryPrimitives.ReadInt32LittleEndian(page[8..]) != FormatVersion
            || BinaryPrimitives.ReadUInt32LittleEndian(page[ChecksumAt..]) != Crc32C.Compute(page[..ChecksumAt]))
        {
            return null;
        }

        long epochNumber = BinaryPrimitives.ReadInt64LittleEndian(page[112..]);
        int length = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(page[120..]), 0, 8 + (16 * Limits.MaxReplicas));
        if (LogFormat.ReadEpoch(epochNumber, page.Slice(MembersAt, length)) is not { } epoch)
        {
            return null;
        }

        var position = new LogPosition(
            BinaryPrimitives.ReadInt64LittleEndian(page[56..]),
            BinaryPrimitives.ReadInt64LittleEndian(page[64..]),
            BinaryPrimitives.ReadInt64LittleEndian(page[72..]),
            BinaryPrimitives.ReadInt64LittleEndian(page[80..]),
            (BinaryPrimitives.ReadInt32LittleEndian(page[12..]) & 1) != 0);
        var header = new IndexHeader(
            new VolumeId(BinaryPrimitives.ReadInt64LittleEndian(page[16..])),
            new NodeId(new Guid(page.Slice(24, 16), bigEndian: true)),
            new Guid(page.Slice(40, 16), bigEndian: true),
            position,
            BinaryPrimitives.ReadInt64LittleEndian(page[88..]),
            BinaryPrimitives.ReadInt64LittleEndian(page[96..]),
            BinaryPrimitives.ReadInt64LittleEndian(page[104..]),
            epoch);
        return header.Entries is >= 0 and < (long)int.MaxValue * LeafEntries
            && header.Live >= 0
            && header.Live <= header.Entries
            && position.LastBatch >= PageSize
            && position.End > position.LastBatch
            ? header
            : null;
    }

    public static void WriteEntry(Span<byte> page, int at, in IndexEntry entry)
    {
        Span<byte> target = page.Slice(at * EntryLength, EntryLength);
        BinaryPrimitives.WriteUInt64LittleEndian(target, entry.Key);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], entry.Place);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], entry.Crc32C);
    }

    public static IndexEntry ReadEntry(ReadOnlySpan<byte> page, int at)
    {
        ReadOnlySpan<byte> source = page.Slice(at * EntryLength, EntryLength);
        return new IndexEntry(
            BinaryPrimitives.ReadUInt64LittleEndian(source),
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));
    }

    public static void WriteKey(Span<byte> page, int at, ulong key) =>
        BinaryPrimitives.WriteUInt64LittleEndian(page[(at * sizeof(ulong))..], key);

    /// <summary>Closes a page with its foot: number, level, how many entries or keys it has, checksum.</summary>
    public static void ClosePage(Span<byte> page, uint seed, int number, int level, int count)
    {
        page[(count * (level == 0 ? EntryLength : sizeof(ulong)))..FootAt].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(page[FootAt..], number);
        BinaryPrimitives.WriteInt32LittleEndian(page[(FootAt + 4)..], level);
        BinaryPrimitives.WriteInt32LittleEndian(page[(FootAt + 8)..], count);
        BinaryPrimitives.WriteUInt32LittleEndian(page[ChecksumAt..], Crc32C.Append(seed, page[..ChecksumAt]));
    }

    /// <summary>Whether this is the page of that number, level and count, undamaged.</summary>
    public static bool IsPage(ReadOnlySpan<byte> page, uint seed, int number, int level, int count) =>
        page.Length == PageSize
        && BinaryPrimitives.ReadInt32LittleEndian(page[FootAt..]) == number
        && BinaryPrimitives.ReadInt32LittleEndian(page[(FootAt + 4)..]) == level
        && BinaryPrimitives.ReadInt32LittleEndian(page[(FootAt + 8)..]) == count
        && BinaryPrimitives.ReadUInt32LittleEndian(page[ChecksumAt..]) == Crc32C.Append(seed, page[..ChecksumAt]);

    /// <summary>Which of a page's keys is the last that is not above this one; -1 when none is.</summary>
    public static int Search(ReadOnlySpan<byte> page, int level, int count, ulong key)
    {
        int stride = level == 0 ? EntryLength : sizeof(ulong);
        int low = 0, high = count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (BinaryPrimitives.ReadUInt64LittleEndian(page[(middle * stride)..]) <= key)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }
}

/// <summary>First page of an index file: whose index it is, and up to where in the log it holds.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Node">The node whose log it is.</param>
/// <param name="Salt">The log's salt.</param>
/// <param name="Position">Up to where it holds; everything before was flushed.</param>
/// <param name="Entries">Entries in all.</param>
/// <param name="Live">Entries that are not deleted.</param>
/// <param name="LiveBytes">Bytes of the log that these take.</param>
/// <param name="Epoch">The last epoch record before that place, or a later one.</param>
internal readonly record struct IndexHeader(
    VolumeId Volume,
    NodeId Node,
    Guid Salt,
    LogPosition Position,
    long Entries,
    long Live,
    long LiveBytes,
    VolumeEpoch Epoch);
