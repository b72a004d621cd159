using BigFs.Core.Model;
using BigFs.Core.Storage;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>The index file beside a sorted dictionary, and what damage does to it.</summary>
[TestFixture]
public sealed class IndexFileTests
{
    private static readonly Guid Salt = new("bbbbbbbb-0000-0000-0000-000000000001");
    private static readonly LogPosition Position = new(40_960, 36_864, 7, 2, true);

    [Test]
    public void It_finds_and_lists_what_was_written(
        [Values(0, 1, 169, 170, 171, 1000, 86_700, 86_701)] int count) => SingleThread.Run(async () =>
        {
            using var disk = new MemoryDisk();
            var random = new Random(count);
            var model = new SortedDictionary<ulong, IndexEntry>();
            while (model.Count < count)
            {
                ulong key = random.Next(2) == 0 ? (ulong)random.NextInt64() : (ulong)model.Count;
                IndexEntry entry = IndexEntry.Chunk(key, random.NextInt64(), random.Next(), (uint)random.Next());
                model[key] = random.Next(3) == 0 ? IndexEntry.Combine(entry, IndexEntry.Mark(key)) : entry;
            }

            await using IndexFile file = await WriteAsync(disk, [.. model.Values]);

            Assert.That(await file.EntriesAsync().ToListAsync(), Is.EqualTo(model.Values));
            ulong[] known = [.. model.Keys];
            for (int i = 0; i < 2000; i++)
            {
                ulong key = i % 2 == 0 && count > 0 ? known[random.Next(count)] + (ulong)random.Next(2) : (ulong)random.NextInt64();
                Assert.That(
                    await file.FindAsync(key), Is.EqualTo(model.TryGetValue(key, out IndexEntry one) ? one : (IndexEntry?)null));
            }

            foreach (ulong first in known.Where((_, i) => i % 997 == 0).Append(0UL).Append(ulong.MaxValue))
            {
                var page = new List<IndexEntry>();
                await file.CopyFromAsync(first, 400, page);
                Assert.That(page, Is.EqualTo(model.Values.SkipWhile(entry => entry.Key < first).Take(400)));
            }
        });

    [Test]
    public void A_flipped_bit_is_never_believed() => Gen.Select(Gen.Int[0, 86_999], Gen.Int[0, 7]).Sample(
        (at, bit) => SingleThread.Run(async () =>
        {
            using var disk = new MemoryDisk();
            IndexEntry[] entries = [.. Enumerable.Range(1, 3400).Select(i => IndexEntry.Chunk((ulong)i * 3, i * 8, i, 5))];
            await (await WriteAsync(disk, entries)).DisposeAsync();
            byte[] bytes = await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1));
            at %= bytes.Length;
            bytes[at] ^= (byte)(1 << bit);
            await StoreKit.WriteFileAsync(disk, StoreKit.IndexPath(1), bytes);

            IndexFile? file = await IndexFile.OpenAsync(disk, new IndexPageCache(1 << 20), StoreKit.IndexPath(1));
            if (at < LogFormat.PageSize)
            {
                Assert.That(file, Is.Null);
                return;
            }

            int failures = 0;
            foreach (IndexEntry entry in entries)
            {
                try
                {
                    Assert.That(await file!.FindAsync(entry.Key), Is.EqualTo(entry));
                }
                catch (DiskException)
                {
                    failures++;
                }
            }

            Assert.That(failures, Is.GreaterThanOrEqualTo(170).Or.EqualTo(3400), "the leaf's entries, or all below a branch");
            await file!.DisposeAsync();
        }),
        iter: 60,
        threads: 1);

    [Test]
    public void A_file_that_is_too_short_or_too_long_is_refused([Values(-4096, -1, 1, 4096)] int change) =>
        SingleThread.Run(async () =>
        {
            using var disk = new MemoryDisk();
            await (await WriteAsync(disk, [IndexEntry.Chunk(1, 8192, 1, 1)])).DisposeAsync();
            byte[] bytes = await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1));
            Array.Resize(ref bytes, bytes.Length + change);
            await StoreKit.WriteFileAsync(disk, StoreKit.IndexPath(1), bytes);

            Assert.That(
                await IndexFile.OpenAsync(disk, new IndexPageCache(1 << 20), StoreKit.IndexPath(1)), Is.Null);
        });

    [Test]
    public void The_cache_keeps_no_more_pages_than_its_budget_allows() => SingleThread.Run(async () =>
    {
        using var disk = new MemoryDisk();
        int reads = 0;
        await using IndexFile file = await WriteAsync(
            disk, [.. Enumerable.Range(0, 170 * 1000).Select(i => IndexEntry.Chunk((ulong)i, 8, 1, 1))]);
        disk.Fault = (operation, _) =>
        {
            reads += operation == DiskOperation.Read ? 1 : 0;
            return null;
        };
        for (int round = 0; round < 3; round++)
        {
            reads = 0;
            for (ulong key = 0; key < 170 * 100; key++)
            {
                await file.FindAsync(key);
            }
        }

        Assert.That(reads, Is.Zero, "100 leaves and the branches fit");
        for (ulong key = 0; key < 170 * 1000; key += 170)
        {
            await file.FindAsync(key);
        }

        Assert.That(reads, Is.GreaterThanOrEqualTo(900 - 16), "1,000 leaves do not");
    });

    private static async Task<IndexFile> WriteAsync(MemoryDisk disk, IndexEntry[] entries)
    {
        VolumeStoreOptions options = StoreKit.Options() with { IndexCacheBytes = 1 << 20 };
        var context = new VolumeContext(
            disk, options, StoreKit.Peer, new LogResources(disk, options, TimeProvider.System), TimeProvider.System, NullLogger.Instance);
        IndexEntry[] live = [.. entries.Where(entry => !entry.IsDeleted)];
        var header = new IndexHeader(
            new VolumeId(1), StoreKit.Peer, Salt, Position, entries.Length, live.Length, 0,
            new VolumeEpoch(3, ReplicaState.Sealed, [StoreKit.Peer]));
        IndexFile file = await IndexBuilder.WriteAsync(context, header, entries.ToAsyncEnumerable());
        Assert.That((file.Header with { Epoch = header.Epoch }), Is.EqualTo(header));
        Assert.That(file.Header.Epoch.Members, Is.EqualTo(header.Epoch.Members));
        context.Shared.Dispose();
        return file;
    }
}
