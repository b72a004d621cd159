using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>What compaction drops, what it keeps, and who notices.</summary>
[TestFixture]
public sealed class VolumeCompactionTests
{
    private const int Large = 200_000;
    private MemoryDisk _disk = null!;

    [SetUp]
    public void MakeDisk() => _disk = new MemoryDisk();

    [TearDown]
    public void DropDisk() => _disk.Dispose();

    [Test]
    public async Task Space_comes_back_and_everything_else_stays([Values] bool isRealDisk)
    {
        string directory = isRealDisk ? Directory.CreateTempSubdirectory("bigfs-compaction-").FullName : StoreKit.Directory;
        using IDisk real = OperatingSystem.IsLinux() ? new PosixDisk(2) : new PortableDisk(2);
        IDisk disk = isRealDisk ? real : _disk;
        try
        {
            VolumeStoreOptions options = StoreKit.Options(directory) with { CompactionDeadShare = 1 };
            await using (VolumeStore store = await StoreKit.OpenAsync(disk, options))
            {
                await FillAsync(store, 20);
                await store.DeleteAsync(1, [.. Keys(20).Where(IsDead)]);
                long before = await SizeAsync(disk, directory);

                Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Ok));

                await VerifyAsync(store, 20);
                Assert.That(await SizeAsync(disk, directory), Is.LessThan(before * 0.6));
                Assert.That(store.Volumes[0].Bytes, Is.LessThan(before * 0.6));
                Assert.That(await disk.ListFilesAsync(directory + "/volumes"), Is.EqualTo(new[] { "1.idx", "1.log" }));
                Assert.That(
                    await store.AdoptAsync(1, 2, 3, Bytes(3)), Is.EqualTo(ChunkStatus.ChunkDeleted), "never returns");
                Assert.That(await store.DeleteAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
                Assert.That(await store.AdoptAsync(1, 2, 77, Bytes(77)), Is.EqualTo(ChunkStatus.Ok));
            }

            await disk.DeleteFileAsync(StoreKit.IndexPath(1, directory));
            await using VolumeStore again = await StoreKit.OpenAsync(disk, options);
            Assert.That((await again.ReadAsync(1, 2)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
            Assert.That((await again.ReadAsync(1, 3)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
            Assert.That((await again.ReadAsync(1, 77)).Bytes, Same.As(Bytes(77)));
            Assert.That((await again.ReadAsync(1, 4)).Bytes, Same.As(Bytes(4)));
            Assert.That(await again.OpenVolumeAsync(1, 3), Is.EqualTo(ChunkStatus.Ok));
            Assert.That(await again.AppendAsync(1, 3, 78, Bytes(78)), Is.EqualTo(ChunkStatus.Ok));
        }
        finally
        {
            if (isRealDisk)
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    [Test]
    public async Task Whoever_reads_a_chunk_reads_on_and_then_the_old_file_is_closed()
    {
        string directory = Directory.CreateTempSubdirectory("bigfs-compaction-").FullName;
        try
        {
            using IDisk disk = OperatingSystem.IsLinux() ? new PosixDisk(2) : new PortableDisk(2);
            await using VolumeStore store = await StoreKit.OpenAsync(disk, StoreKit.Options(directory));
            await FillAsync(store, 6);
            (_, StoredChunk? chunk) = await store.OpenAsync(new VolumeId(1), new ChunkKey(2), default);
            (_, StoredChunk? dead) = await store.OpenAsync(new VolumeId(1), new ChunkKey(3), default);
            await store.DeleteAsync(1, 3);

            Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Ok));

            foreach ((StoredChunk opened, ulong key) in new[] { (chunk!, 2UL), (dead!, 3UL) })
            {
                var bytes = new byte[opened.Length];
                Assert.That(await opened.ReadAsync(0, bytes, default), Is.EqualTo(ChunkStatus.Ok));
                Assert.That(bytes, Same.As(Bytes(key)));
            }

            Assert.That(!OperatingSystem.IsLinux() || OpenButRemoved(directory) > 0);
            await chunk!.DisposeAsync();
            await chunk.DisposeAsync();
            await dead!.DisposeAsync();
            Assert.That(!OperatingSystem.IsLinux() || OpenButRemoved(directory) == 0);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public async Task Reads_deletes_and_adoptions_go_on_while_a_volume_is_compacted_again_and_again()
    {
        string directory = Directory.CreateTempSubdirectory("bigfs-compaction-").FullName;
        try
        {
            using IDisk disk = OperatingSystem.IsLinux() ? new PosixDisk(4) : new PortableDisk(4);
            await using VolumeStore store = await StoreKit.OpenAsync(
                disk, StoreKit.Options(directory) with { CompactionBytesPerSecond = 1L << 40 });
            await FillAsync(store, 60);
            using var end = new CancellationTokenSource();
            Task[] readers = [.. Enumerable.Range(0, 4).Select(seed => Task.Run(async () =>
            {
                var dice = new Random(seed);
                while (!end.IsCancellationRequested)
                {
                    ulong key = (ulong)dice.Next(1, 31);
                    (ChunkStatus status, byte[]? bytes) = await store.ReadAsync(1, key);
                    Assert.That(status, Is.EqualTo(ChunkStatus.Ok));
                    Assert.That(bytes, Same.As(Bytes(key)));
                }
            }))];
            Task writer = Task.Run(async () =>
            {
                for (ulong key = 31; key <= 60; key++)
                {
                    Assert.That(await store.DeleteAsync(1, key), Is.EqualTo(ChunkStatus.Ok));
                    Assert.That(await store.AdoptAsync(1, 2, key + 100, Bytes(key + 100)), Is.EqualTo(ChunkStatus.Ok));
                }
            });
            int rounds = 0;
            while (!writer.IsCompleted || rounds < 3)
            {
                Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Ok));
                rounds++;
            }

            await end.CancelAsync();
            await Task.WhenAll([.. readers, writer]);
            ImmutableArray<StoredChunkInfo> all = await store.ListAsync(1);
            Assert.That(
                all.Where(chunk => !chunk.Deleted).Select(chunk => chunk.Key.Value),
                Is.EqualTo(Keys(30).Concat(Keys(30).Select(key => key + 130))));
            Assert.That(all.Count(chunk => chunk.Deleted), Is.EqualTo(30));
            foreach (StoredChunkInfo chunk in all.Where(chunk => !chunk.Deleted))
            {
                Assert.That((await store.ReadAsync(1, chunk.Key.Value)).Bytes, Same.As(Bytes(chunk.Key.Value)));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void A_crash_at_any_operation_of_a_compaction_loses_nothing_and_leaves_nothing() =>
        Gen.Select(Gen.Int[0, 24], Gen.Int, Gen.Int[1, 8]).Sample(
            (operations, dice, count) => SingleThread.Run(async () =>
            {
                using var disk = new MemoryDisk();
                VolumeStore store = await StoreKit.OpenAsync(disk);
                await FillAsync(store, count);
                await store.DeleteAsync(1, [.. Keys(count).Where(IsDead)]);
                disk.Fault = (operation, _) =>
                    operation != DiskOperation.Read && --operations < 0 ? new DiskException("the power is off") : null;
                await store.CompactAsync(new VolumeId(1), default);
                ChunkStatus late = await store.DeleteAsync(1, 1000);
                operations = 0;
                await store.DisposeAsync();
                disk.Crash(new Random(dice));
                disk.Fault = null;

                await using VolumeStore again = await StoreKit.OpenAsync(disk);
                Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Sealed));
                await VerifyAsync(again, count);
                Assert.That(
                    late != ChunkStatus.Ok
                    || (await again.ReadAsync(1, 1000)).Status == ChunkStatus.ChunkDeleted, "acknowledged after the switch");
                Assert.That(
                    await disk.ListFilesAsync(StoreKit.Directory + "/volumes"), Is.EqualTo(new[] { "1.idx", "1.log" }));
            }),
            iter: 150,
            threads: 1);

    [Test]
    public async Task A_damaged_chunk_is_never_dropped_it_stops_the_compaction()
    {
        await using VolumeStore store = await StoreKit.OpenAsync(_disk);
        await FillAsync(store, 6);
        await store.DeleteAsync(1, 3);
        byte[] log = await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1));
        await StoreKit.FlipAsync(_disk, StoreKit.LogPath(1), log.AsSpan().IndexOf(Bytes(4).AsSpan(0, 64)) + 10);
        log = await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1));

        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Damaged));

        Assert.That(await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1)), Same.As(log));
        Assert.That((await store.ReadAsync(1, 4)).Status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That((await store.ReadAsync(1, 2)).Bytes, Same.As(Bytes(2)));
        Assert.That(store.Volumes[0].State, Is.EqualTo(ReplicaState.Sealed));
        Assert.That(
            await _disk.ListFilesAsync(StoreKit.Directory + "/volumes"), Is.EqualTo(new[] { "1.idx", "1.log" }));
    }

    [Test]
    public async Task A_damaged_record_head_that_the_index_hid_makes_the_volume_read_only()
    {
        await using VolumeStore store = await StoreKit.OpenAsync(_disk);
        await FillAsync(store, 6);
        byte[] log = await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1));
        int payload = log.AsSpan().IndexOf(Bytes(4).AsSpan(0, 64));
        await StoreKit.FlipAsync(_disk, StoreKit.LogPath(1), payload - 4096 + 70);

        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Damaged));

        Assert.That(store.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
        Assert.That((await store.ReadAsync(1, 4)).Bytes, Same.As(Bytes(4)), "it is served as long as it can be");
    }

    [Test]
    public async Task Without_room_a_compaction_is_given_up_and_leaves_nothing()
    {
        await using VolumeStore store = await StoreKit.OpenAsync(_disk);
        await FillAsync(store, 6);
        await store.DeleteAsync(1, 3);
        int writes = 3;
        _disk.Fault = (operation, path) => operation == DiskOperation.Write && path.EndsWith(".tmp") && --writes < 0
            ? new DiskException("full", isOutOfSpace: true)
            : null;

        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.OutOfSpace));
        Assert.That(
            await _disk.ListFilesAsync(StoreKit.Directory + "/volumes"), Is.EqualTo(new[] { "1.idx", "1.log" }));
        await VerifyAsync(store, 6, key => key == 3);

        _disk.Fault = null;
        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Ok));
        await VerifyAsync(store, 6, key => key == 3);
    }

    [Test]
    public async Task A_directory_sync_that_fails_makes_the_volume_read_only()
    {
        await using VolumeStore store = await StoreKit.OpenAsync(_disk);
        await FillAsync(store, 6);
        _disk.Fault = (operation, _) =>
            operation == DiskOperation.SyncDirectory ? new DiskException("injected") : null;

        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.DiskFailed));
        _disk.Fault = null;
        Assert.That(store.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
        Assert.That(await store.DeleteAsync(1, 1), Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That((await store.ReadAsync(1, 4)).Bytes, Same.As(Bytes(4)));
    }

    [Test]
    public async Task Only_sealed_volumes_are_compacted()
    {
        await using VolumeStore store = await StoreKit.OpenAsync(_disk);
        await store.OpenVolumeAsync(1);
        Assert.That(await store.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Busy));
        Assert.That(await store.CompactAsync(new VolumeId(2), default), Is.EqualTo(ChunkStatus.VolumeNotFound));
    }

    [Test]
    public async Task A_compaction_keeps_to_its_pace_and_gives_way_to_an_order_to_reopen()
    {
        var clock = new FakeTimeProvider(StoreKit.Now);
        VolumeStoreOptions options = StoreKit.Options() with { CompactionBytesPerSecond = 1 << 20, CompactionDeadShare = 1 };
        await using VolumeStore store = await VolumeStore.OpenAsync(
            options, _disk, clock, NullLogger.Instance, CancellationToken.None);
        await FillAsync(store, 40); // 5 MB: a second's worth at once, then four seconds
        Task<ChunkStatus> compaction = store.CompactAsync(new VolumeId(1), default).AsTask();
        for (int second = 0; second < 2; second++)
        {
            Assert.That(compaction.IsCompleted, Is.False);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.That(await store.DeleteAsync(1, 5), Is.EqualTo(ChunkStatus.Ok), "deletes do not wait for it");
        Assert.That((await store.ReadAsync(1, 6)).Bytes, Same.As(Bytes(6)));
        Assert.That(await store.OpenVolumeAsync(1, 3), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await compaction, Is.EqualTo(ChunkStatus.Busy));
        Assert.That(
            await _disk.ListFilesAsync(StoreKit.Directory + "/volumes"), Is.EqualTo(new[] { "1.idx", "1.log" }));
        Assert.That(await store.AppendAsync(1, 3, 500, Bytes(500)), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task A_stop_ends_a_compaction_and_is_clean()
    {
        VolumeStoreOptions options = StoreKit.Options() with { CompactionBytesPerSecond = 1 << 20, CompactionDeadShare = 1 };
        VolumeStore store = await StoreKit.OpenAsync(_disk, options);
        await FillAsync(store, 20);
        Task<ChunkStatus> compaction = store.CompactAsync(new VolumeId(1), default).AsTask();

        await store.DisposeAsync();

        Assert.That(await compaction, Is.EqualTo(ChunkStatus.Busy));
        await using VolumeStore again = await StoreKit.OpenAsync(_disk, options);
        Assert.That(again.Identity.CleanStart);
        await VerifyAsync(again, 20, _ => false);
    }

    [Test]
    public async Task A_full_disk_still_reads_deletes_and_compacts_and_then_takes_writes_again()
    {
        using var disk = new MemoryDisk(capacityBytes: 24 << 20);
        VolumeStoreOptions options = StoreKit.Options() with
        {
            VolumeSizeBytes = 2 << 20,
            ReservedBytes = 4 << 20,
            PreparedBytesPerNode = 0,
        };
        await using VolumeStore store = await StoreKit.OpenAsync(disk, options);
        long volume = 0;
        ulong key = 0;
        ChunkStatus status = ChunkStatus.VolumeFull;
        var volumes = new Dictionary<ulong, long>();
        while (status != ChunkStatus.OutOfSpace)
        {
            if (status == ChunkStatus.VolumeFull)
            {
                await SealAsync(store, volume);
                status = await store.OpenVolumeAsync(++volume);
            }
            else
            {
                status = await store.AppendAsync(volume, 1, ++key, Bytes(key));
                if (status == ChunkStatus.Ok)
                {
                    volumes[key] = volume;
                }
            }
        }

        await SealAsync(store, volume);
        Assert.That(volumes, Has.Count.GreaterThan(80));
        foreach ((ulong known, long at) in volumes.Where(one => one.Key % 4 != 0))
        {
            Assert.That(await store.DeleteAsync(at, known), Is.EqualTo(ChunkStatus.Ok));
        }

        Assert.That(
            () => store.Volumes.Sum(report => report.Bytes), Is.LessThan(16 << 20).After(20_000, 20), "by the compactor");
        foreach ((ulong known, long at) in volumes)
        {
            (ChunkStatus found, byte[]? bytes) = await store.ReadAsync(at, known);
            Assert.That(found, Is.EqualTo(known % 4 == 0 ? ChunkStatus.Ok : ChunkStatus.ChunkDeleted));
            Assert.That(bytes is null || bytes.AsSpan().SequenceEqual(Bytes(known)));
        }

        Assert.That(await store.OpenVolumeAsync(100), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await store.AppendAsync(100, 1, 9999, Bytes(9999)), Is.EqualTo(ChunkStatus.Ok));
    }

    private static async Task SealAsync(VolumeStore store, long volume)
    {
        if (volume > 0)
        {
            Assert.That(await store.FenceAsync(volume, 2), Is.EqualTo(ChunkStatus.Ok));
            Assert.That(await store.SealAsync(volume, 2), Is.EqualTo(ChunkStatus.Ok));
        }
    }

    private static byte[] Bytes(ulong key) => StoreKit.Bytes(key % 3 == 2 ? 900 : Large, (int)key);

    private static IEnumerable<ulong> Keys(int count) => Enumerable.Range(1, count).Select(key => (ulong)key);

    private static bool IsDead(ulong key) => key % 2 == 1;

    /// <summary>Opens volume 1, appends the chunks, seals it under epoch 2.</summary>
    private static async Task FillAsync(VolumeStore store, int count)
    {
        await store.OpenVolumeAsync(1);
        foreach (ulong key in Keys(count))
        {
            Assert.That(await store.AppendAsync(1, 1, key, Bytes(key)), Is.EqualTo(ChunkStatus.Ok));
        }

        await SealAsync(store, 1);
    }

    private static async Task VerifyAsync(VolumeStore store, int count, Func<ulong, bool>? isDead = null)
    {
        foreach (ulong key in Keys(count))
        {
            (ChunkStatus status, byte[]? bytes) = await store.ReadAsync(1, key);
            bool isGone = (isDead ?? IsDead)(key);
            Assert.That(status, Is.EqualTo(isGone ? ChunkStatus.ChunkDeleted : ChunkStatus.Ok), $"chunk {key}");
            Assert.That(isGone || bytes!.AsSpan().SequenceEqual(Bytes(key)), $"chunk {key}");
        }
    }

    private static async Task<long> SizeAsync(IDisk disk, string directory)
    {
        long size = 0;
        foreach (string name in await disk.ListFilesAsync(directory + "/volumes"))
        {
            await using IDiskFile file = await disk.OpenFileAsync(Path.Combine(directory, "volumes", name));
            size += await file.GetLengthAsync();
        }

        return size;
    }

    /// <summary>Descriptors of this process on removed files of the directory.</summary>
    private static int OpenButRemoved(string directory) => new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
        .Count(one => one.LinkTarget is { } target && target.StartsWith(directory) && target.EndsWith("(deleted)"));
}
