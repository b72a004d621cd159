using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>A disk that refuses or fails at a chosen operation on the volume's log.</summary>
[TestFixture]
internal sealed class VolumeStoreFaultTests
{
    private MemoryDisk _disk = null!;
    private VolumeStore _store = null!;
    private int _syncs;

    [SetUp]
    public async Task Open()
    {
        _disk = new MemoryDisk();
        _store = await StoreKit.OpenAsync(_disk);
        await _store.OpenVolumeAsync(1);
        Assert.That(await _store.AppendAsync(1, 1, 1, [1, 2, 3]), Is.EqualTo(ChunkStatus.Ok));
    }

    [TearDown]
    public async Task Close()
    {
        _disk.Fault = null;
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [TestCase(DiskOperation.Write, false)]
    [TestCase(DiskOperation.Sync, false)]
    [TestCase(DiskOperation.Sync, true)]
    public async Task A_failed_write_or_flush_makes_the_volume_read_only_and_is_never_repeated(
        DiskOperation failing, bool isFull)
    {
        FailOnLog(failing, isFull);
        ChunkStatus[] outcomes = await Task.WhenAll(
            _store.AppendAsync(1, 1, 2, [2]), _store.AppendAsync(1, 1, 3, StoreKit.Bytes(100_000)));
        int syncs = _syncs;
        _disk.Fault = null;

        Assert.That(outcomes, Is.All.EqualTo(ChunkStatus.DiskFailed));
        Assert.That(syncs, Is.EqualTo(failing == DiskOperation.Sync ? 1 : 0));
        Assert.That(_store.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
        Assert.That(await _store.AppendAsync(1, 1, 4, [4]), Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That(await _store.DeleteAsync(1, 1), Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That(await _store.FenceAsync(1, 2), Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That((await _store.ReadAsync(1, 1)).Bytes, Same.As(new byte[] { 1, 2, 3 }));
        Assert.That((await _store.ReadAsync(1, 2)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That(_store.Buffers.BytesInUse, Is.Zero);
    }

    [Test]
    public async Task After_a_failed_disk_the_stop_is_not_clean()
    {
        FailOnLog(DiskOperation.Sync, isFull: false);
        await _store.AppendAsync(1, 1, 2, [2]);
        _disk.Fault = null;
        await _store.DisposeAsync();

        _store = await StoreKit.OpenAsync(_disk);

        Assert.That(_store.Identity.CleanStart, Is.False);
        Assert.That((await _store.ReadAsync(1, 1)).Bytes, Same.As(new byte[] { 1, 2, 3 }));
    }

    [Test]
    public async Task A_full_disk_refuses_chunks_takes_marks_and_goes_on_when_there_is_room()
    {
        byte[] large = StoreKit.Bytes(8 << 20); // beyond what is prepared
        FailOnLog(DiskOperation.Resize, isFull: true, path => path.EndsWith(".log", StringComparison.Ordinal));
        Assert.That(await _store.AppendAsync(1, 1, 2, large), Is.EqualTo(ChunkStatus.OutOfSpace));
        Assert.That(await _store.DeleteAsync(1, 1), Is.EqualTo(ChunkStatus.Ok), "from prepared space");
        _disk.Fault = null;

        Assert.That(_store.Volumes[0].State, Is.EqualTo(ReplicaState.Open));
        Assert.That(await _store.AppendAsync(1, 1, 2, large), Is.EqualTo(ChunkStatus.Ok));
        Assert.That((await _store.ReadAsync(1, 2)).Bytes, Same.As(large));
    }

    [Test]
    public async Task Running_full_in_the_middle_of_a_write_leaves_the_volume_usable()
    {
        FailOnLog(DiskOperation.Write, isFull: true);
        Assert.That(await _store.AppendAsync(1, 1, 2, [2]), Is.EqualTo(ChunkStatus.OutOfSpace));
        _disk.Fault = null;

        Assert.That(await _store.AppendAsync(1, 1, 2, [2]), Is.EqualTo(ChunkStatus.Ok));
        _disk.Crash();
        await using VolumeStore again = await StoreKit.OpenAsync(_disk);
        Assert.That((await again.ReadAsync(1, 2)).Bytes, Same.As(new byte[] { 2 }));
        _disk.Fault = (_, _) => new DiskException("the power is off"); // for the store that the crash left behind
        await _store.DisposeAsync();
        _disk.Fault = null;
    }

    [Test]
    public async Task What_a_start_finds_at_the_end_of_a_log_is_flushed_before_it_is_served()
    {
        await _store.DisposeAsync();
        _disk.Dispose();
        _disk = new MemoryDisk();
        VolumeStoreOptions options = StoreKit.Options() with { PreparedBytesPerNode = 0 };
        _store = await StoreKit.OpenAsync(_disk, options);
        await _store.OpenVolumeAsync(1);
        _disk.Fault = (operation, path) => operation == DiskOperation.Sync && path == StoreKit.LogPath(1)
            ? new DiskException("the process dies here")
            : null;
        await _store.AppendAsync(1, 1, 2, [2]);
        await _store.DisposeAsync();

        // The disk is full: no mark can be written behind the chunk, which would flush it too.
        _disk.Fault = (operation, path) => operation is DiskOperation.Write or DiskOperation.Resize && path == StoreKit.LogPath(1)
            ? new DiskException("full", isOutOfSpace: true)
            : null;
        await using (VolumeStore again = await StoreKit.OpenAsync(_disk, options))
        {
            Assert.That((await again.ReadAsync(1, 2)).Bytes, Same.As(new byte[] { 2 }), "it is served");
            _disk.Crash();
        }

        _disk.Fault = null;
        _store = await StoreKit.OpenAsync(_disk, options);
        Assert.That((await _store.ReadAsync(1, 2)).Bytes, Same.As(new byte[] { 2 }), "so it outlives the loss of power");
    }

    [Test]
    public async Task A_write_that_ran_full_and_cannot_be_cut_off_fails_the_volume()
    {
        _disk.Fault = (operation, path) => operation switch
        {
            DiskOperation.Write => new DiskException("full", isOutOfSpace: true),
            DiskOperation.Resize => new DiskException("injected"),
            _ => null,
        };

        Assert.That(await _store.AppendAsync(1, 1, 2, [2]), Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That(_store.Volumes[0].State, Is.EqualTo(ReplicaState.Failed));
    }

    [Test]
    public async Task The_reserve_is_left_to_marks()
    {
        await _store.DisposeAsync();
        VolumeStoreOptions options = StoreKit.Options() with { ReservedBytes = 1 << 20, PreparedBytesPerNode = 0 };
        using var small = new MemoryDisk(capacityBytes: 2 << 20);
        _store = await StoreKit.OpenAsync(small, options);
        await _store.OpenVolumeAsync(1);

        int stored = 0;
        while (await _store.AppendAsync(1, 1, (ulong)stored + 1, StoreKit.Bytes(100_000)) == ChunkStatus.Ok)
        {
            stored++;
        }

        Assert.That(stored, Is.InRange(8, 10), "about a MiB");
        Assert.That(await _store.AppendAsync(1, 1, 99, StoreKit.Bytes(100_000)), Is.EqualTo(ChunkStatus.OutOfSpace));
        Assert.That(await _store.DeleteAsync(1, 1), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.FenceAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.SealAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That((await _store.ReadAsync(1, 2)).Status, Is.EqualTo(ChunkStatus.Ok));
        await _store.DisposeAsync();
    }

    [Test]
    public async Task A_read_that_fails_says_so_and_harms_nothing()
    {
        await _store.AppendAsync(1, 1, 2, StoreKit.Bytes(200_000));
        FailOnLog(DiskOperation.Read, isFull: false);
        Assert.That((await _store.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That((await _store.ReadAsync(1, 2)).Status, Is.EqualTo(ChunkStatus.DiskFailed));
        _disk.Fault = null;
        Assert.That((await _store.ReadAsync(1, 1)).Status, Is.EqualTo(ChunkStatus.Ok));
    }

    [TestCase(DiskOperation.Sync)]
    [TestCase(DiskOperation.Write)]
    [TestCase(DiskOperation.Name)]
    [TestCase(DiskOperation.SyncDirectory)]
    public async Task A_creation_that_fails_leaves_no_volume_and_can_be_ordered_again(DiskOperation failing)
    {
        FailOnLog(failing, isFull: false, _ => true);
        Assert.That(await _store.OpenVolumeAsync(2), Is.EqualTo(ChunkStatus.DiskFailed));
        _disk.Fault = null;

        Assert.That(_store.Volumes, Has.Count.EqualTo(1));
        Assert.That(await _store.OpenVolumeAsync(2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AppendAsync(2, 1, 1, [1]), Is.EqualTo(ChunkStatus.Ok));
    }

    private void FailOnLog(DiskOperation failing, bool isFull, Func<string, bool>? path = null)
    {
        _syncs = 0;
        path ??= one => one == StoreKit.LogPath(1);
        _disk.Fault = (operation, where) =>
        {
            if (!path(where))
            {
                return null;
            }

            _syncs += operation == DiskOperation.Sync ? 1 : 0;
            return operation == failing ? new DiskException("injected", isFull) : null;
        };
    }
}
