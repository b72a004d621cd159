using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

[TestFixture]
public sealed class VolumeStoreTests
{
    private MemoryDisk _disk = null!;
    private VolumeStore _store = null!;

    [SetUp]
    public async Task Open()
    {
        _disk = new MemoryDisk();
        _store = await StoreKit.OpenAsync(_disk);
        Assert.That(await _store.OpenVolumeAsync(1), Is.EqualTo(ChunkStatus.Ok));
    }

    [TearDown]
    public async Task Close()
    {
        Assert.That(_store.Buffers.BytesInUse, Is.Zero, "every buffer came back");
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [TestCase(1)]
    [TestCase(4096)]
    [TestCase((64 << 10) - 1)]
    [TestCase(64 << 10)]
    [TestCase((64 << 10) + 1)]
    [TestCase((3 << 20) + 5)]
    public async Task A_chunk_comes_back_as_it_was_appended_also_after_a_restart(int length)
    {
        byte[] bytes = StoreKit.Bytes(length);

        Assert.That(await _store.AppendAsync(1, 1, 5, bytes), Is.EqualTo(ChunkStatus.Ok));

        Assert.That((await _store.ReadAsync(1, 5)).Bytes, Same.As(bytes));
        await ReopenAsync();
        Assert.That((await _store.ReadAsync(1, 5)).Bytes, Same.As(bytes));
        Assert.That(await _store.VerifyAsync(new VolumeId(1), new ChunkKey(5), default), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task A_range_of_a_chunk_is_read_and_a_range_beyond_it_refused()
    {
        byte[] bytes = StoreKit.Bytes(200_000);
        await _store.AppendAsync(1, 1, 5, bytes);
        (_, StoredChunk? opened) = await _store.OpenAsync(new VolumeId(1), new ChunkKey(5), default);
        await using StoredChunk chunk = opened!;
        var part = new byte[1000];

        Assert.That(await chunk.ReadAsync(150_001, part, default), Is.EqualTo(ChunkStatus.Ok));

        Assert.That(part, Is.EqualTo(bytes[150_001..151_001]));
        Assert.That(
            async () => await chunk.ReadAsync(199_500, part, default),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task Many_writers_at_once_all_get_their_chunks_in()
    {
        byte[][] chunks = [.. Enumerable.Range(0, 200).Select(i => StoreKit.Bytes(1 + (i * 701 % 90_000), i))];

        ChunkStatus[] outcomes = await Task.WhenAll(chunks.Select((bytes, i) => _store.AppendAsync(1, 1, (ulong)i + 1, bytes)));

        Assert.That(outcomes, Is.All.EqualTo(ChunkStatus.Ok));
        await ReopenAsync();
        for (int i = 0; i < chunks.Length; i++)
        {
            Assert.That((await _store.ReadAsync(1, (ulong)i + 1)).Bytes, Same.As(chunks[i]), $"chunk {i}");
        }
    }

    [Test]
    public async Task The_same_bytes_again_are_acknowledged_and_stored_once_other_bytes_are_refused()
    {
        byte[] bytes = StoreKit.Bytes(1000);
        byte[] others = StoreKit.Bytes(1000, seed: 2);

        ChunkStatus[] outcomes = await Task.WhenAll(
            _store.AppendAsync(1, 1, 5, bytes), _store.AppendAsync(1, 1, 5, bytes), _store.AppendAsync(1, 1, 5, others));
        ChunkStatus later = await _store.AppendAsync(1, 1, 5, bytes);
        ChunkStatus different = await _store.AppendAsync(1, 1, 5, others);

        Assert.That(outcomes, Is.EqualTo(new[] { ChunkStatus.Ok, ChunkStatus.Ok, ChunkStatus.ChunkDiffers }));
        Assert.That(later, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(different, Is.EqualTo(ChunkStatus.ChunkDiffers));
        Assert.That(_store.Volumes[0].Bytes, Is.EqualTo(3 * 4096), "superblock, epoch and one chunk");
    }

    [Test]
    public async Task Bytes_that_do_not_match_the_writers_checksum_are_refused()
    {
        byte[] bytes = StoreKit.Bytes(1000);
        ChunkAppend request = _store.Request(1, 1, 5, bytes) with { Crc32C = 1 };

        ChunkStatus status = await _store.AppendAsync(request, await _store.BufferAsync(bytes), default);

        Assert.That(status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That((await _store.ReadAsync(1, 5)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
    }

    [Test]
    public async Task A_request_of_another_length_than_its_buffer_is_malformed()
    {
        byte[] bytes = StoreKit.Bytes(1000);
        ChunkAppend request = _store.Request(1, 1, 5, bytes);

        Assert.That(
            await _store.AppendAsync(request with { Length = 999 }, await _store.BufferAsync(bytes), default),
            Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(_store.Check(request with { Length = 0 }), Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(_store.Check(request with { Members = default }), Is.EqualTo(ChunkStatus.Malformed));
    }

    [Test]
    public async Task A_write_under_another_epoch_or_other_members_is_refused()
    {
        ChunkAppend request = _store.Request(1, 1, 5, [1]);
        ImmutableArray<NodeId> others = [_store.Node, new NodeId(Guid.NewGuid())];

        Assert.That(_store.Check(request), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(_store.Check(request with { Epoch = 2 }), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(_store.Check(request with { Members = others }), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(_store.Check(request with { Members = [_store.Node] }), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(_store.Check(request with { Volume = new VolumeId(9) }), Is.EqualTo(ChunkStatus.VolumeNotFound));
        Assert.That(await _store.AppendAsync(1, 2, 5, [1]), Is.EqualTo(ChunkStatus.WrongEpoch));
    }

    [Test]
    public async Task A_deleted_chunk_never_returns_nor_does_a_key_deleted_before_it_came()
    {
        byte[] bytes = StoreKit.Bytes(100);
        await _store.AppendAsync(1, 1, 5, bytes);

        Assert.That(await _store.DeleteAsync(1, 5, 6), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.DeleteAsync(1, 5, 6), Is.EqualTo(ChunkStatus.Ok));

        for (int round = 0; round < 2; round++)
        {
            Assert.That((await _store.ReadAsync(1, 5)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
            Assert.That(await _store.AppendAsync(1, 1, 5, bytes), Is.EqualTo(ChunkStatus.ChunkDeleted));
            Assert.That(await _store.AppendAsync(1, 1, 6, bytes), Is.EqualTo(ChunkStatus.ChunkDeleted));
            Assert.That(await _store.ListAsync(1), Is.EqualTo(new[]
            {
                new StoredChunkInfo(new ChunkKey(5), 100, Crc32C.Compute(bytes), true),
                new StoredChunkInfo(new ChunkKey(6), 0, 0, true),
            }));
            Assert.That(_store.Volumes[0].Chunks, Is.Zero);
            await ReopenAsync();
        }
    }

    [Test]
    public async Task Chunks_are_listed_by_key_page_after_page()
    {
        foreach (ulong key in new ulong[] { 9, 3, 7, 1, 5 })
        {
            await _store.AppendAsync(1, 1, key, [1]);
        }

        (_, ImmutableArray<StoredChunkInfo> first) = await _store.ListChunksAsync(new VolumeId(1), default, 2, default);
        (_, ImmutableArray<StoredChunkInfo> second) =
            await _store.ListChunksAsync(new VolumeId(1), new ChunkKey(4), 9, default);

        Assert.That(first.Select(chunk => chunk.Key.Value), Is.EqualTo(new ulong[] { 1, 3 }));
        Assert.That(second.Select(chunk => chunk.Key.Value), Is.EqualTo(new ulong[] { 5, 7, 9 }));
    }

    [Test]
    public async Task A_volume_that_reached_its_size_is_full_but_still_adopts_and_deletes()
    {
        await ReopenAsync(StoreKit.Options() with { VolumeSizeBytes = 1 << 20 });
        byte[] large = StoreKit.Bytes(1 << 20);

        Assert.That(await _store.AppendAsync(1, 1, 1, large), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AppendAsync(1, 1, 2, [1]), Is.EqualTo(ChunkStatus.VolumeFull));
        Assert.That(await _store.AppendAsync(1, 1, 1, large), Is.EqualTo(ChunkStatus.Ok), "it is there already");
        Assert.That(await _store.DeleteAsync(1, 1), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.FenceAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AdoptAsync(1, 2, 3, [1]), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task A_reader_keeps_its_lease_until_the_store_stops()
    {
        await _store.AppendAsync(1, 1, 5, [1, 2, 3]);
        (_, StoredChunk? opened) = await _store.OpenAsync(new VolumeId(1), new ChunkKey(5), default);
        await using StoredChunk chunk = opened!;
        await _store.DeleteAsync(1, 5);

        Assert.That(await chunk.ReadAsync(0, new byte[3], default), Is.EqualTo(ChunkStatus.Ok));
        await _store.DisposeAsync();
        Assert.That(await chunk.ReadAsync(0, new byte[3], default), Is.EqualTo(ChunkStatus.Busy));
        Assert.That(_store.Check(_store.Request(1, 1, 6, [1])), Is.EqualTo(ChunkStatus.Busy));
        Assert.That(await _store.OpenVolumeAsync(2), Is.EqualTo(ChunkStatus.Busy));
    }

    [Test]
    public async Task A_cancelled_wait_ends_but_the_append_still_happens()
    {
        using var cancellation = new CancellationTokenSource();
        using var waits = new ManualResetEventSlim();
        ChunkBuffer buffer = await _store.BufferAsync([1, 2, 3]);
        _disk.Fault = (operation, _) =>
        {
            if (operation == DiskOperation.Write)
            {
                waits.Wait(TimeSpan.FromSeconds(10)); // else the append might end before anyone waits for it
                cancellation.Cancel();
            }

            return null;
        };

        ValueTask<ChunkStatus> append = _store.AppendAsync(_store.Request(1, 1, 5, [1, 2, 3]), buffer, cancellation.Token);
        waits.Set();

        Assert.That(async () => await append, Throws.InstanceOf<OperationCanceledException>());
        _disk.Fault = null;
        Assert.That(await _store.FenceAsync(1, 1), Is.EqualTo(ChunkStatus.Ok), "which drains what is in flight");
        Assert.That((await _store.ReadAsync(1, 5)).Bytes, Same.As(new byte[] { 1, 2, 3 }));
    }

    private async Task ReopenAsync(VolumeStoreOptions? options = null)
    {
        await _store.DisposeAsync();
        _store = await StoreKit.OpenAsync(_disk, options);
    }
}
