using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Core.Tests.Faults;

/// <summary>Index files as bytes: written, read, changed.</summary>
internal static class IndexImage
{
    private const int ChecksumAt = IndexFormat.PageSize - sizeof(uint);
    private static readonly Guid Salt = new("bbbbbbbb-0000-0000-0000-000000000002");
    private static readonly LogPosition Position = new(40_960, 36_864, 7, 2, true);

    /// <summary>Entries of rising keys, some of them deleted.</summary>
    public static IndexEntry[] Entries(int count, Random random)
    {
        var entries = new IndexEntry[count];
        ulong key = 0;
        for (int i = 0; i < count; i++)
        {
            key += (ulong)random.Next(1, 50);
            IndexEntry chunk = IndexEntry.Chunk(key, random.Next(1, 1 << 30) * 8L, random.Next(1, 1 << 20), (uint)random.NextInt64());
            entries[i] = random.Next(4) == 0 ? IndexEntry.Combine(chunk, IndexEntry.Mark(key)) : chunk;
        }

        return entries;
    }

    /// <summary>A header page alone that claims so many entries.</summary>
    public static byte[] WriteHeader(long entries)
    {
        var page = new byte[IndexFormat.PageSize];
        IndexFormat.WriteHeader(page, HeaderOf(entries, live: 0));
        return page;
    }

    public static byte[] Write(IndexEntry[] entries)
    {
        using var disk = new MemoryDisk();
        VolumeStoreOptions options = StoreKit.Options();
        using var shared = new LogResources(disk, options, TimeProvider.System);
        var context = new VolumeContext(disk, options, StoreKit.Peer, shared, TimeProvider.System, NullLogger.Instance);
        IndexHeader header = HeaderOf(entries.Length, entries.Count(entry => !entry.IsDeleted));
        byte[]? bytes = null;
        SingleThread.Run(async () =>
        {
            await (await IndexBuilder.WriteAsync(context, header, entries.ToAsyncEnumerable())).DisposeAsync();
            bytes = await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1));
        });
        return bytes!;
    }

    /// <summary>Opens the bytes as an index file and asks it; null when it is refused.</summary>
    public static T? Read<T>(byte[] bytes, Func<IndexFile, Task<T>> ask)
        where T : struct
    {
        return ReadAsync().GetAwaiter().GetResult(); // everything completes at once

        async Task<T?> ReadAsync()
        {
            await using IndexFile? file = await IndexFile.OpenAsync(
                new ImageDisk(bytes), new IndexPageCache(1 << 20), StoreKit.IndexPath(1));
            return file is null ? null : await ask(file);
        }
    }

    private static IndexHeader HeaderOf(long entries, long live) => new(
        new VolumeId(1), StoreKit.Peer, Salt, Position, entries, live, 0, new VolumeEpoch(3, ReplicaState.Sealed, [StoreKit.Peer]));

    /// <summary>Changes a field and mends the page's checksum, or moves a page.</summary>
    public static byte[] Change(byte[] bytes, Random random)
    {
        int pages = bytes.Length / IndexFormat.PageSize;
        if (pages == 0)
        {
            return bytes;
        }

        Span<byte> page = bytes.AsSpan(random.Next(pages) * IndexFormat.PageSize, IndexFormat.PageSize);
        if (random.Next(4) == 0)
        {
            bytes.AsSpan(random.Next(pages) * IndexFormat.PageSize, IndexFormat.PageSize).CopyTo(page);
            return bytes;
        }

        int at = random.Next(2) == 0 ? random.Next(8, 128) & ~3 : random.Next(ChecksumAt - 16, ChecksumAt) & ~3;
        int[] values = [0, 1, -1, int.MaxValue, int.MinValue, random.Next(), random.Next(300)];
        BitConverter.TryWriteBytes(page[at..], values[random.Next(values.Length)]);
        bool isHeader = page == bytes.AsSpan(0, IndexFormat.PageSize);
        uint seed = isHeader ? 0 : IndexFormat.PageSeed(Position, Salt);
        BitConverter.TryWriteBytes(page[ChecksumAt..], Crc32C.Append(seed, page[..ChecksumAt]));
        return bytes;
    }
}
