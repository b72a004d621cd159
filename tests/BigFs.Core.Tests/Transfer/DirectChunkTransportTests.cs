using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
internal sealed class DirectChunkTransportTests
{
    private readonly FakeChunkStore[] _stores = [new(TransferBench.NodeOf(0)), new(TransferBench.NodeOf(1))];

    [TearDown]
    public void Every_buffer_came_back() =>
        Assert.That(_stores.Select(store => store.Buffers.BytesInUse), Is.All.Zero);

    [OneTimeTearDown]
    public void DisposeStores() => Array.ForEach(_stores, store => store.Dispose());

    [Test]
    public async Task A_write_reaches_all_members_and_reads_back()
    {
        await using DirectChunkTransport transport = Transport();
        byte[] payload = TransferBench.Payload(200_000);
        ChunkGrant grant = Grant(1, 2);

        ChunkWriteResult result = await transport.WriteAsync(grant, payload, Crc32C.Compute(payload), default);

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(result.Replicas.Select(replica => replica.Node), Is.EqualTo(grant.Pipeline.Select(member => member.Id)));
        var read = new byte[1000];
        Assert.That(
            await transport.ReadAsync(grant.Pipeline[1], TransferBench.Reference(grant, payload), [], 65_000, read, default),
            Is.EqualTo(new ChunkReadResult(ChunkStatus.Ok, Crc32C.Compute(payload.AsSpan(65_000, 1000)))));
        Assert.That(read, Is.EqualTo(payload[65_000..66_000]));
    }

    [Test]
    public async Task A_member_that_fails_is_named_and_the_others_end_first()
    {
        await using DirectChunkTransport transport = Transport();
        byte[] payload = TransferBench.Payload(1000);
        _stores[1].Appends = ChunkStatus.DiskFailed;

        ChunkWriteResult result = await transport.WriteAsync(Grant(2, 2), payload, Crc32C.Compute(payload), default);

        _stores[1].Appends = ChunkStatus.Ok;
        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.DiskFailed, _stores[1].Node)));
    }

    [Test]
    public async Task A_member_that_is_away_is_unreachable_and_nothing_is_written()
    {
        await using DirectChunkTransport transport = Transport();
        byte[] payload = TransferBench.Payload(1000);
        ChunkGrant grant = Grant(3, 3);
        int before = _stores[0].AppendCount;

        ChunkWriteResult result = await transport.WriteAsync(grant, payload, Crc32C.Compute(payload), default);
        ChunkReadResult read = await transport.ReadAsync(
            grant.Pipeline[2], TransferBench.Reference(grant, payload), [], 0, new byte[1], default);

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, grant.Pipeline[2].Id)));
        Assert.That(read.Status, Is.EqualTo(ChunkStatus.Unreachable));
        Assert.That(_stores[0].AppendCount, Is.EqualTo(before));
    }

    private static ChunkGrant Grant(long key, int members) => new()
    {
        Key = ChunkKey.Create(1, key),
        Volume = TransferBench.Volume,
        Epoch = 1,
        Pipeline = [.. Enumerable.Range(0, members).Select(i => new NodeAddress(TransferBench.NodeOf(i), ""))],
    };

    private DirectChunkTransport Transport() => new(id => Array.Find(_stores, store => store.Node == id));
}
