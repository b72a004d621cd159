using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;
using Moq;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>What an opening makes of logs that a crash or a bad disk left behind.</summary>
[TestFixture]
public sealed class VolumeRecoveryTests
{
    private const int Page = 4096;
    private static readonly byte[] Small = StoreKit.Bytes(100);
    private static readonly byte[] Large = StoreKit.Bytes(200_000, seed: 2);
    private MemoryDisk _disk = null!;
    private string _path = null!;

    [SetUp]
    public void MakeDisk()
    {
        _disk = new MemoryDisk();
        _path = StoreKit.LogPath(1);
    }

    [TearDown]
    public void DropDisk() => _disk.Dispose();

    [Test]
    public async Task An_unclean_stop_keeps_what_was_acknowledged_and_cuts_prepared_space()
    {
        await CrashAfterAsync(async store =>
        {
            await store.AppendAsync(1, 1, 1, Small);
            await store.AppendAsync(1, 1, 2, Large);
            await store.DeleteAsync(1, 1);
        });

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
        Assert.That((await again.ReadAsync(1, 2)).Bytes, Same.As(Large));
        Assert.That((await StoreKit.ReadFileAsync(_disk, _path)).LongLength, Is.EqualTo(again.Volumes[0].Bytes));
        Assert.That(await again.AppendAsync(1, 1, 3, Small), Is.EqualTo(ChunkStatus.Ok));
    }

    [TestCase(0, "the batch header")]
    [TestCase(64, "the record header")]
    [TestCase(Page, "the payload's first byte")]
    [TestCase(Page + 199_999, "the payload's last byte")]
    [TestCase(Page + 200_000, "the trailer")]
    public async Task A_torn_tail_is_cut_and_what_stands_before_it_stays(int at, string what)
    {
        long end = 0;
        await CrashAfterAsync(async store =>
        {
            await store.AppendAsync(1, 1, 1, Small);
            end = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 1, 2, Large);
        });
        await StoreKit.FlipAsync(_disk, _path, end + at);

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Open), what);
        Assert.That((await again.ReadAsync(1, 1)).Bytes, Same.As(Small));
        Assert.That((await again.ReadAsync(1, 2)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound), what);
        Assert.That(await again.AppendAsync(1, 1, 2, Large), Is.EqualTo(ChunkStatus.Ok));
        Assert.That((await again.ReadAsync(1, 2)).Bytes, Same.As(Large));
    }

    [TestCase(0, 1UL, "the batch header")]
    [TestCase(64, 1UL, "the record header")]
    public async Task Damage_before_the_durable_offset_makes_the_volume_read_only_and_nothing_is_cut(
        int at, ulong lost, string what)
    {
        long first = 0;
        await CrashAfterAsync(async store =>
        {
            first = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 1, 1, Large);
            await store.AppendAsync(1, 1, 2, Small);
            await store.AppendAsync(1, 1, 3, Large);
        });
        await StoreKit.FlipAsync(_disk, _path, first + at);
        byte[] before = await StoreKit.ReadFileAsync(_disk, _path);
        var logger = new Mock<ILogger>();
        logger.Setup(one => one.IsEnabled(It.IsAny<LogLevel>())).Returns(true);

        for (int opening = 0; opening < 3; opening++)
        {
            await using VolumeStore again = await StoreKit.OpenAsync(_disk, logger: logger.Object);
            Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Failed), what);
            Assert.That((await again.ReadAsync(1, lost)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
            Assert.That((await again.ReadAsync(1, 2)).Bytes, Same.As(Small), "what is readable is read");
            Assert.That((await again.ReadAsync(1, 3)).Bytes, Same.As(Large));
            Assert.That(await again.AppendAsync(1, 1, 4, Small), Is.EqualTo(ChunkStatus.DiskFailed));
            Assert.That(await again.FenceAsync(1, 2), Is.EqualTo(ChunkStatus.DiskFailed));
        }

        Assert.That(await StoreKit.ReadFileAsync(_disk, _path), Same.As(before));
        logger.Verify(
            one => one.Log(
                LogLevel.Error,
                It.Is<EventId>(id => id.Id == 301),
                It.IsAny<It.IsAnyType>(),
                It.IsAny<Exception?>(),
                It.IsAny<Func<It.IsAnyType, Exception?, string>>()),
            Times.Exactly(3));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task The_last_chunk_too_is_never_cut_once_an_opening_or_a_clean_stop_has_seen_it(bool isClean)
    {
        long last = 0;
        async Task Write(VolumeStore store)
        {
            last = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 1, 1, Small);
        }

        if (isClean)
        {
            await using VolumeStore store = await StoreKit.OpenAsync(_disk);
            await store.OpenVolumeAsync(1);
            await Write(store);
        }
        else
        {
            await CrashAfterAsync(Write);
            await using VolumeStore verified = await StoreKit.OpenAsync(_disk);
        }

        await StoreKit.FlipAsync(_disk, _path, last);
        await using (VolumeStore indexed = await StoreKit.OpenAsync(_disk))
        {
            Assert.That((await indexed.ReadAsync(1, 1)).Bytes, Same.As(Small), "the index knows the place");
        }

        await _disk.DeleteFileAsync(StoreKit.IndexPath(1));
        await using VolumeStore again = await StoreKit.OpenAsync(_disk);
        Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
    }

    [Test]
    public async Task Starts_without_writes_do_not_make_the_log_grow()
    {
        await CrashAfterAsync(store => store.AppendAsync(1, 1, 1, Small));
        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
        byte[] log = await StoreKit.ReadFileAsync(_disk, _path);

        for (int i = 0; i < 3; i++)
        {
            await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
        }

        Assert.That(await StoreKit.ReadFileAsync(_disk, _path), Same.As(log));
    }

    [TestCase(0)]
    [TestCase(199_999)]
    public async Task A_flipped_byte_of_a_payload_is_found_by_its_block(int at)
    {
        long first = 0;
        await CrashAfterAsync(async store =>
        {
            first = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 1, 1, Large);
            await store.AppendAsync(1, 1, 2, Small);
        });
        await StoreKit.FlipAsync(_disk, _path, first + Page + at);

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That(again.Volumes[0].State, Is.EqualTo(ReplicaState.Open), "payloads are not reread at an opening");
        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That(
            await again.VerifyAsync(new VolumeId(1), new ChunkKey(1), default), Is.EqualTo(ChunkStatus.Damaged));
        Assert.That(await again.VerifyAsync(new VolumeId(1), new ChunkKey(2), default), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task A_flipped_byte_of_a_trailer_is_found_when_the_chunk_is_opened()
    {
        long first = 0;
        await CrashAfterAsync(async store =>
        {
            first = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 1, 1, Large);
            await store.AppendAsync(1, 1, 2, Small);
        });
        await StoreKit.FlipAsync(_disk, _path, first + Page + 200_000 + 5);

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Damaged));
    }

    [Test]
    public async Task A_log_stored_as_a_chunk_is_not_taken_for_the_log_itself()
    {
        byte[] copy = [];
        long first = 0;
        await CrashAfterAsync(async store =>
        {
            await store.AppendAsync(1, 1, 1, Small);
            await store.FenceAsync(1, 2);
            copy = await StoreKit.ReadFileAsync(_disk, _path);
            await store.SealAsync(1, 2);
            await store.OpenVolumeAsync(1, 3);
            first = store.Volumes[0].Bytes;
            await store.AppendAsync(1, 3, 2, [.. copy, .. new byte[70_000]]);
            await store.AppendAsync(1, 3, 3, Small);
        });
        await StoreKit.FlipAsync(_disk, _path, first); // the scan now has to look through the payload

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        VolumeReport report = again.Volumes[0];
        Assert.That((report.State, report.Epoch, report.Chunks), Is.EqualTo((ReplicaState.Failed, 3L, 2L)));
        Assert.That((await again.ReadAsync(1, 3)).Bytes, Same.As(Small));
    }

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(60)]
    public async Task A_log_whose_first_page_is_bad_gives_a_failed_volume_and_others_are_served(int at)
    {
        await CrashAfterAsync(async store =>
        {
            await store.AppendAsync(1, 1, 1, Small);
            await store.OpenVolumeAsync(2);
            await store.AppendAsync(2, 1, 2, Small);
        });
        await StoreKit.FlipAsync(_disk, _path, at);

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That(
            again.Volumes.Select(volume => volume.State),
            Is.EqualTo(new[] { ReplicaState.Failed, ReplicaState.Open }));
        Assert.That((await again.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That((await again.ReadAsync(2, 2)).Bytes, Same.As(Small));
    }

    [Test]
    public async Task An_empty_or_cut_off_log_gives_a_failed_volume()
    {
        await CrashAfterAsync(store => store.OpenVolumeAsync(2).AsTask());
        byte[] log = await StoreKit.ReadFileAsync(_disk, _path);
        await StoreKit.WriteFileAsync(_disk, _path, []);
        await StoreKit.WriteFileAsync(_disk, StoreKit.LogPath(2), log[..Page]);

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);

        Assert.That(again.Volumes.Select(volume => volume.State), Is.All.EqualTo(ReplicaState.Failed));
        Assert.That(await again.OpenVolumeAsync(1, 2), Is.EqualTo(ChunkStatus.DiskFailed));
    }

    /// <summary>Opens a store with volume 1 under epoch 1, does the work and loses the power.</summary>
    private async Task CrashAfterAsync(Func<VolumeStore, Task> work)
    {
        VolumeStore store = await StoreKit.OpenAsync(_disk);
        await store.OpenVolumeAsync(1);
        await work(store);
        _disk.Fault = (_, _) => new DiskException("the power is off");
        await store.DisposeAsync();
        _disk.Crash();
        _disk.Fault = null;
    }
}
