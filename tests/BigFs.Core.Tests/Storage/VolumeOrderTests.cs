using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

[TestFixture]
public sealed class VolumeOrderTests
{
    private MemoryDisk _disk = null!;
    private VolumeStore _store = null!;

    [SetUp]
    public async Task Open()
    {
        _disk = new MemoryDisk();
        _store = await StoreKit.OpenAsync(_disk);
        await _store.OpenVolumeAsync(1, epoch: 5);
    }

    [TearDown]
    public async Task Close()
    {
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [Test]
    public async Task A_volume_goes_from_open_to_fenced_to_sealed_and_back_and_each_state_survives_a_restart()
    {
        await Expect(ReplicaState.Open, 5);
        Assert.That(await _store.FenceAsync(1, 6), Is.EqualTo(ChunkStatus.Ok));
        await Expect(ReplicaState.Fenced, 6);
        Assert.That(await _store.SealAsync(1, 6), Is.EqualTo(ChunkStatus.Ok));
        await Expect(ReplicaState.Sealed, 6);
        Assert.That(await _store.OpenVolumeAsync(1, 7), Is.EqualTo(ChunkStatus.Ok));
        await Expect(ReplicaState.Open, 7);
        Assert.That(await _store.AppendAsync(1, 7, 1, [1]), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task The_same_order_again_is_ok_and_writes_nothing()
    {
        Assert.That(await _store.OpenVolumeAsync(1, 5), Is.EqualTo(ChunkStatus.Ok));
        await _store.FenceAsync(1, 6);
        long fenced = _store.Volumes[0].Bytes;
        Assert.That(await _store.FenceAsync(1, 6), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(_store.Volumes[0].Bytes, Is.EqualTo(fenced));
        await _store.SealAsync(1, 6);
        long sealedBytes = _store.Volumes[0].Bytes;
        Assert.That(await _store.SealAsync(1, 6), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.FenceAsync(1, 6), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(_store.Volumes[0].Bytes, Is.EqualTo(sealedBytes));
        Assert.That(_store.Volumes[0].State, Is.EqualTo(ReplicaState.Sealed));
    }

    [Test]
    public async Task Orders_that_do_not_fit_the_state_are_refused()
    {
        VolumeOrder otherMembers = _store.Order(1, 5) with { Members = [_store.Node] };
        Assert.That(await _store.SealAsync(1, 5), Is.EqualTo(ChunkStatus.NotOpen), "sealing an open volume");
        Assert.That(await _store.FenceAsync(1, 4), Is.EqualTo(ChunkStatus.WrongEpoch), "an older epoch");
        Assert.That(await _store.FenceAsync(otherMembers, default), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(await _store.OpenVolumeAsync(otherMembers, default), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(await _store.OpenVolumeAsync(1, 6), Is.EqualTo(ChunkStatus.WrongEpoch), "opening an open volume");
        Assert.That(await _store.FenceAsync(9, 6), Is.EqualTo(ChunkStatus.VolumeNotFound));
        Assert.That(await _store.SealAsync(9, 6), Is.EqualTo(ChunkStatus.VolumeNotFound));

        await _store.FenceAsync(1, 6);
        Assert.That(await _store.OpenVolumeAsync(1, 6), Is.EqualTo(ChunkStatus.NotOpen), "the epoch was fenced");
        Assert.That(await _store.OpenVolumeAsync(1, 7), Is.EqualTo(ChunkStatus.NotOpen), "opening a fenced volume");
        Assert.That(await _store.SealAsync(1, 5), Is.EqualTo(ChunkStatus.WrongEpoch));
        await _store.SealAsync(1, 6);
        Assert.That(await _store.OpenVolumeAsync(1, 6), Is.EqualTo(ChunkStatus.NotOpen), "the epoch was sealed");
    }

    [Test]
    public async Task Malformed_orders_are_refused()
    {
        VolumeOrder order = _store.Order(2, 1);
        VolumeOrder[] malformed =
        [
            order with { Members = default },
            order with { Members = [] },
            order with { Members = [_store.Node, _store.Node] },
            order with { Members = [StoreKit.Peer] },
            order with { Members = [_store.Node, .. Enumerable.Range(0, 8).Select(_ => new NodeId(Guid.NewGuid()))] },
            order with { Epoch = 0 },
            order with { Volume = default },
        ];
        foreach (VolumeOrder one in malformed)
        {
            Assert.That(await _store.OpenVolumeAsync(one, default), Is.EqualTo(ChunkStatus.Malformed), $"{one}");
        }
    }

    [Test]
    public async Task A_fence_lets_appends_in_flight_finish_and_refuses_those_behind_it()
    {
        Task<ChunkStatus>[] before = [.. Enumerable.Range(1, 20).Select(i => _store.AppendAsync(1, 5, (ulong)i, [1]))];
        ValueTask<ChunkStatus> fence = _store.FenceAsync(1, 6);
        ChunkStatus behind = await _store.AppendAsync(1, 5, 99, [1]);
        Assert.That(await fence, Is.EqualTo(ChunkStatus.Ok));
        ChunkStatus[] outcomes = await Task.WhenAll(before);

        ImmutableArray<StoredChunkInfo> held = await _store.ListAsync(1);
        Assert.That(behind, Is.AnyOf(ChunkStatus.NotOpen, ChunkStatus.WrongEpoch));
        Assert.That(held.Select(chunk => chunk.Key.Value), Is.EqualTo(Enumerable.Range(1, 20).Select(i => (ulong)i)));
        Assert.That(outcomes, Is.All.AnyOf(ChunkStatus.Ok, ChunkStatus.WrongEpoch));
        Assert.That(await _store.ListAsync(1), Is.EqualTo(held), "nothing comes in behind the fence");
    }

    [Test]
    public async Task Chunks_of_a_peer_are_adopted_when_fenced_or_sealed_only()
    {
        Assert.That(await _store.AdoptAsync(1, 5, 1, [1]), Is.EqualTo(ChunkStatus.NotOpen));
        await _store.FenceAsync(1, 6);
        Assert.That(await _store.AdoptAsync(1, 5, 1, [1]), Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(await _store.AdoptAsync(1, 6, 1, [1]), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AdoptAsync(1, 6, 1, [1]), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AdoptAsync(1, 6, 1, [2]), Is.EqualTo(ChunkStatus.ChunkDiffers));
        await _store.SealAsync(1, 6);
        Assert.That(await _store.AdoptAsync(1, 6, 2, StoreKit.Bytes(100_000)), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AppendAsync(1, 6, 3, [1]), Is.EqualTo(ChunkStatus.NotOpen));
        Assert.That(await _store.AdoptAsync(1, 6, 4, [1], term: 0), Is.EqualTo(ChunkStatus.StaleTerm));
        Assert.That(_store.Volumes[0].Chunks, Is.EqualTo(2));
        Assert.That(_store.Buffers.BytesInUse, Is.Zero);
    }

    [Test]
    public async Task Sealing_gives_prepared_space_back()
    {
        await _store.AppendAsync(1, 5, 1, [1]);
        long prepared = (await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1))).LongLength;
        await _store.FenceAsync(1, 6);
        await _store.SealAsync(1, 6);

        long now = (await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1))).LongLength;
        Assert.That(prepared, Is.EqualTo(_store.Volumes[0].Bytes - 8192 + (4L << 20)), "the budget of the options");
        Assert.That(now, Is.EqualTo(_store.Volumes[0].Bytes));
    }

    [Test]
    public async Task Orders_of_a_lower_term_are_refused_also_after_a_restart()
    {
        Assert.That(await _store.OpenVolumeAsync(_store.Order(2, 1, term: 9), default), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.FenceAsync(_store.Order(2, 2, term: 8), default), Is.EqualTo(ChunkStatus.StaleTerm));
        await ReopenAsync();
        Assert.That(_store.Identity.Term, Is.EqualTo(9));
        Assert.That(await _store.FenceAsync(_store.Order(2, 2, term: 8), default), Is.EqualTo(ChunkStatus.StaleTerm));
        Assert.That(await _store.FenceAsync(_store.Order(2, 2, term: 9), default), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task A_term_that_cannot_be_stored_is_not_acted_upon()
    {
        _disk.Fault = (operation, path) => operation == DiskOperation.Sync && path.EndsWith("identity.tmp", StringComparison.Ordinal)
            ? new DiskException("injected")
            : null;

        ChunkStatus status = await _store.FenceAsync(_store.Order(1, 6, term: 2), default);

        Assert.That(status, Is.EqualTo(ChunkStatus.DiskFailed));
        Assert.That(_store.Volumes[0].State, Is.EqualTo(ReplicaState.Open));
        Assert.That(_store.Identity.Term, Is.EqualTo(1));
        _disk.Fault = null;
    }

    private async Task Expect(ReplicaState state, long epoch)
    {
        for (int round = 0; round < 2; round++)
        {
            VolumeReport report = _store.Volumes.Single();
            Assert.That((report.State, report.Epoch), Is.EqualTo((state, epoch)));
            await ReopenAsync();
        }
    }

    private async Task ReopenAsync()
    {
        await _store.DisposeAsync();
        _store = await StoreKit.OpenAsync(_disk);
    }
}
