using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>
/// A volume through its life beside a dictionary, while its index file is lost, damaged, or replaced by an older one.
/// </summary>
[TestFixture]
public sealed class VolumeIndexTests
{
    private static readonly Gen<(int Kind, int Key, int Dice)[]> Steps =
        Gen.Select(Gen.Int[0, 13], Gen.Int[1, 60], Gen.Int).Array[1, 40];

    [Test]
    public void A_volume_knows_its_chunks_whatever_becomes_of_its_index_file() => Steps.Sample(
        steps => SingleThread.Run(async () =>
        {
            using var disk = new MemoryDisk();
            await using var life = new Life(disk, StoreKit.Options());
            await life.RunAsync(steps);
        }),
        iter: 300,
        threads: 1);

    [Test]
    public void A_volume_on_the_real_disk_knows_its_chunks_too() => Steps.Sample(
        steps => SingleThread.Run(async () =>
        {
            string directory = Directory.CreateTempSubdirectory("bigfs-index-").FullName;
            try
            {
                using IDisk disk = OperatingSystem.IsLinux() ? new PosixDisk(2) : new PortableDisk(2);
                await using var life = new Life(disk, StoreKit.Options(directory));
                await life.RunAsync(steps);
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }),
        iter: 8,
        threads: 1);

    [Test]
    public async Task A_sealed_volume_keeps_its_index_in_a_file_and_an_open_one_gets_one_at_a_clean_stop()
    {
        using var disk = new MemoryDisk();
        VolumeStore store = await StoreKit.OpenAsync(disk);
        foreach (long volume in new long[] { 1, 2 })
        {
            await store.OpenVolumeAsync(volume);
            await store.AppendAsync(volume, 1, 5, StoreKit.Bytes(100));
        }

        await store.FenceAsync(1, 2);
        await store.SealAsync(1, 2);
        Assert.That(await NamesAsync(disk), Is.EqualTo(new[] { "1.idx", "1.log", "2.log" }));

        await store.DisposeAsync();
        Assert.That(await NamesAsync(disk), Is.EqualTo(new[] { "1.idx", "1.log", "2.idx", "2.log" }));
    }

    [Test]
    public async Task A_clean_start_reads_no_more_of_a_log_than_its_first_page_and_its_last_head()
    {
        using var disk = new MemoryDisk();
        await using (VolumeStore store = await StoreKit.OpenAsync(disk))
        {
            await store.OpenVolumeAsync(1);
            for (ulong key = 1; key < 50; key++)
            {
                await store.AppendAsync(1, 1, key, StoreKit.Bytes(70_000));
            }
        }

        int reads = 0;
        disk.Fault = (operation, path) =>
        {
            reads += operation == DiskOperation.Read && path == StoreKit.LogPath(1) ? 1 : 0;
            return null;
        };
        await using VolumeStore again = await StoreKit.OpenAsync(disk);

        Assert.That(reads, Is.EqualTo(2));
        Assert.That(again.Volumes[0].Chunks, Is.EqualTo(49));
        Assert.That((await again.ReadAsync(1, 49)).Status, Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task After_a_crash_an_open_volumes_log_is_read_from_its_last_written_index_on()
    {
        using var disk = new MemoryDisk();
        VolumeStoreOptions options = StoreKit.Options() with { IndexCheckpointBytes = 1 << 20 };
        VolumeStore store = await StoreKit.OpenAsync(disk, options);
        await store.OpenVolumeAsync(1);
        for (ulong key = 1; key <= 16; key++)
        {
            await store.AppendAsync(1, 1, key, StoreKit.Bytes(100_000));
        }

        await store.DeleteAsync(1, 3);
        Assert.That(
            () => NamesAsync(disk).Result, Is.EqualTo(new[] { "1.idx", "1.log" }).After(10_000, 10));
        await store.AppendAsync(1, 1, 17, StoreKit.Bytes(100_000));
        disk.Crash();

        await using VolumeStore again = await StoreKit.OpenAsync(disk, options);
        Assert.That(again.Volumes[0].Chunks, Is.EqualTo(16));
        Assert.That((await again.ReadAsync(1, 3)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
        for (ulong key = 4; key <= 17; key++)
        {
            Assert.That((await again.ReadAsync(1, key)).Bytes, Same.As(StoreKit.Bytes(100_000)));
        }

        await store.DisposeAsync();
    }

    [Test]
    public async Task An_index_that_names_another_place_for_a_chunk_is_found_out_and_made_anew([Values(100, 200_000)] int length)
    {
        using var disk = new MemoryDisk();
        byte[] bytes = StoreKit.Bytes(length), other = StoreKit.Bytes(length, seed: 2);
        await using (VolumeStore store = await StoreKit.OpenAsync(disk))
        {
            await store.OpenVolumeAsync(1);
            await store.AppendAsync(1, 1, 1, bytes);
            await store.AppendAsync(1, 1, 2, other);
            await store.FenceAsync(1, 2);
            await store.SealAsync(1, 2);
        }

        await SwapPlacesAsync(disk);

        await using VolumeStore again = await StoreKit.OpenAsync(disk);
        Assert.That((await again.ReadAsync(1, 1)).Bytes, Same.As(bytes));
        Assert.That(await again.VerifyAsync(new VolumeId(1), new ChunkKey(2), default), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Sealed));
    }

    [Test]
    public async Task An_index_that_knows_more_than_the_log_has_shows_that_the_log_lost_something()
    {
        using var disk = new MemoryDisk();
        await using (VolumeStore store = await StoreKit.OpenAsync(disk))
        {
            await store.OpenVolumeAsync(1);
            await store.AppendAsync(1, 1, 1, StoreKit.Bytes(100));
            await store.AppendAsync(1, 1, 2, StoreKit.Bytes(100));
        }

        byte[] log = await StoreKit.ReadFileAsync(disk, StoreKit.LogPath(1));
        await StoreKit.WriteFileAsync(disk, StoreKit.LogPath(1), log[..^8192]);

        await using VolumeStore again = await StoreKit.OpenAsync(disk);
        Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task Without_room_for_an_index_a_volume_is_sealed_all_the_same()
    {
        using var disk = new MemoryDisk();
        VolumeStore store = await StoreKit.OpenAsync(disk);
        await store.OpenVolumeAsync(1);
        await store.AppendAsync(1, 1, 1, StoreKit.Bytes(100));
        await store.FenceAsync(1, 2);
        disk.Fault = (operation, path) => path.Contains(".idx") && operation == DiskOperation.Write
            ? new DiskException("full", isOutOfSpace: true)
            : null;

        Assert.That(await store.SealAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await NamesAsync(disk), Is.EqualTo(new[] { "1.log" }));
        Assert.That((await store.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Ok));
        await store.DisposeAsync();
        disk.Fault = null;

        await using VolumeStore again = await StoreKit.OpenAsync(disk);
        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await NamesAsync(disk), Is.EqualTo(new[] { "1.idx", "1.log" }));
    }

    [Test]
    public async Task Leftovers_and_indexes_without_a_log_are_removed()
    {
        using var disk = new MemoryDisk();
        await (await StoreKit.OpenAsync(disk)).DisposeAsync();
        await StoreKit.WriteFileAsync(disk, StoreKit.IndexPath(7), [1]);
        await StoreKit.WriteFileAsync(disk, StoreKit.IndexPath(8) + ".tmp", [1]);

        await using VolumeStore store = await StoreKit.OpenAsync(disk);
        Assert.That(await NamesAsync(disk), Is.Empty);
    }

    [Test]
    public async Task Many_deletions_in_a_sealed_volume_are_merged_into_its_file()
    {
        using var disk = new MemoryDisk();
        VolumeStore store = await StoreKit.OpenAsync(disk);
        await store.OpenVolumeAsync(1);
        await store.FenceAsync(1, 2);
        await store.SealAsync(1, 2);
        long before = (await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1))).Length;

        for (ulong first = 1; first < 20_000; first += 1000)
        {
            await store.DeleteAsync(1, [.. Enumerable.Range((int)first, 1000).Select(key => (ulong)key)]);
        }

        Assert.That((await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1))).Length, Is.GreaterThan(before + (16_000 * 24)));
        Assert.That((await store.ListAsync(1)).Length, Is.EqualTo(20_000));
        Assert.That((await store.ReadAsync(1, 12_345)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
        await store.DisposeAsync();
    }

    private static Task<IReadOnlyList<string>> NamesAsync(IDisk disk) =>
        disk.ListFilesAsync(StoreKit.Directory + "/volumes").AsTask();

    /// <summary>Exchanges the places of the first two entries in volume 1's index, with right checksums.</summary>
    private static async Task SwapPlacesAsync(MemoryDisk disk)
    {
        byte[] bytes = await StoreKit.ReadFileAsync(disk, StoreKit.IndexPath(1));
        IndexHeader header = IndexFormat.ReadHeader(bytes.AsSpan(0, 4096))!.Value;
        Memory<byte> leaf = bytes.AsMemory(4096, 4096);
        (IndexEntry first, IndexEntry second) =
            (IndexFormat.ReadEntry(leaf.Span, 0), IndexFormat.ReadEntry(leaf.Span, 1));
        IndexFormat.WriteEntry(leaf.Span, 0, first with { Place = second.Place });
        IndexFormat.WriteEntry(leaf.Span, 1, second with { Place = first.Place });
        IndexFormat.ClosePage(leaf.Span, IndexFormat.PageSeed(header.Position, header.Salt), 1, 0, 2);
        await StoreKit.WriteFileAsync(disk, StoreKit.IndexPath(1), bytes);
    }

    /// <summary>One volume and what it must hold.</summary>
    private sealed class Life(IDisk disk, VolumeStoreOptions options) : IAsyncDisposable
    {
        private readonly SortedDictionary<ulong, (byte[] Bytes, bool Deleted)> _model = [];
        private readonly List<byte[]> _oldIndexes = [];
        private VolumeStore? _store;
        private ReplicaState _state = ReplicaState.Open;
        private long _epoch = 1;

        private string IndexPath => StoreKit.IndexPath(1, options.DataDirectory);

        public async Task RunAsync((int Kind, int Key, int Dice)[] steps)
        {
            _store = await StoreKit.OpenAsync(disk, options);
            Assert.That(await _store.OpenVolumeAsync(1), Is.EqualTo(ChunkStatus.Ok));
            foreach ((int kind, int key, int dice) in steps)
            {
                await StepAsync(kind, (ulong)key, new Random(dice));
            }

            await VerifyAsync();
            await ReopenAsync(new Random(1), 0);
            await VerifyAsync();
        }

        public ValueTask DisposeAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;

        private async Task StepAsync(int kind, ulong key, Random dice)
        {
            switch (kind)
            {
                case < 5:
                    await StoreAsync(key, dice);
                    break;
                case < 8:
                    Assert.That(await _store!.DeleteAsync(1, key, key + 1), Is.EqualTo(ChunkStatus.Ok));
                    Delete(key);
                    Delete(key + 1);
                    break;
                case < 11:
                    await TurnAsync();
                    break;
                case 11:
                    await VerifyAsync();
                    break;
                default:
                    await ReopenAsync(dice, dice.Next(5));
                    break;
            }
        }

        private async Task StoreAsync(ulong key, Random dice)
        {
            byte[] bytes = StoreKit.Bytes(dice.Next(5) == 0 ? 70_000 : 200, dice.Next());
            bool isNew = !_model.TryGetValue(key, out (byte[] Bytes, bool Deleted) known);
            bytes = !isNew && !known.Deleted && dice.Next(2) == 0 ? known.Bytes : bytes;
            ChunkStatus status = _state == ReplicaState.Open
                ? await _store!.AppendAsync(1, _epoch, key, bytes)
                : await _store!.AdoptAsync(1, _epoch, key, bytes);
            Assert.That(status, Is.EqualTo(
                isNew ? ChunkStatus.Ok
                : known.Deleted ? ChunkStatus.ChunkDeleted
                : known.Bytes.AsSpan().SequenceEqual(bytes) ? ChunkStatus.Ok
                : ChunkStatus.ChunkDiffers));
            if (isNew)
            {
                _model[key] = (bytes, false);
            }
        }

        private void Delete(ulong key) =>
            _model[key] = (_model.TryGetValue(key, out (byte[] Bytes, bool) known) ? known.Bytes : [], true);

        private async Task TurnAsync()
        {
            (ValueTask<ChunkStatus> order, _state) = _state switch
            {
                ReplicaState.Open => (_store!.FenceAsync(1, ++_epoch), ReplicaState.Fenced),
                ReplicaState.Fenced => (_store!.SealAsync(1, _epoch), ReplicaState.Sealed),
                _ => (_store!.OpenVolumeAsync(1, ++_epoch), ReplicaState.Open),
            };
            Assert.That(await order, Is.EqualTo(ChunkStatus.Ok));
        }

        /// <summary>Stops, does something to the index file, and starts again.</summary>
        private async Task ReopenAsync(Random dice, int harm)
        {
            await _store!.DisposeAsync();
            byte[] index = await StoreKit.ReadFileAsync(disk, IndexPath);
            _oldIndexes.Add(index);
            switch (harm)
            {
                case 1:
                    await disk.DeleteFileAsync(IndexPath);
                    break;
                case 2:
                    await StoreKit.WriteFileAsync(disk, IndexPath, _oldIndexes[dice.Next(_oldIndexes.Count)]);
                    break;
                case 3:
                    index[dice.Next(index.Length)] ^= 0x40;
                    await StoreKit.WriteFileAsync(disk, IndexPath, index);
                    break;
                case 4:
                    await StoreKit.WriteFileAsync(disk, IndexPath, index[..dice.Next(index.Length)]);
                    break;
            }

            _store = await StoreKit.OpenAsync(disk, options);
        }

        private async Task VerifyAsync()
        {
            VolumeReport report = _store!.Volumes.Single();
            Assert.That((report.State, report.Epoch), Is.EqualTo((_state, _epoch)));
            Assert.That(report.Chunks, Is.EqualTo(_model.Values.Count(chunk => !chunk.Deleted)));
            ImmutableArray<StoredChunkInfo> all = await _store.ListAsync(1);
            Assert.That(
                all.Select(chunk => (chunk.Key.Value, chunk.Length, chunk.Deleted)),
                Is.EqualTo(_model.Select(pair => (pair.Key, pair.Value.Bytes.Length, pair.Value.Deleted))));
            var pages = new List<StoredChunkInfo>();
            for (ChunkKey after = default; pages.Count < all.Length; after = pages[^1].Key)
            {
                pages.AddRange((await _store.ListChunksAsync(new VolumeId(1), after, 7, default)).Chunks);
            }

            Assert.That(pages, Is.EqualTo(all));
            foreach ((ulong key, (byte[] bytes, bool deleted)) in _model)
            {
                (ChunkStatus status, byte[]? read) = await _store.ReadAsync(1, key);
                Assert.That(status, Is.EqualTo(deleted ? ChunkStatus.ChunkDeleted : ChunkStatus.Ok));
                Assert.That(deleted || read!.AsSpan().SequenceEqual(bytes));
            }

            Assert.That((await _store.ReadAsync(1, 1000)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
        }
    }
}
