using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
internal sealed class TransferRoundTripTests
{
    [TestCase(1)]
    [TestCase(Limits.BlockSize - 1)]
    [TestCase(Limits.BlockSize)]
    [TestCase(Limits.BlockSize + 1)]
    [TestCase(8 << 20)]
    [TestCase(64 << 20)]
    public async Task A_chunk_passes_the_pipeline_and_is_read_back_from_every_member(int length)
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        byte[] payload = TransferBench.Payload(length);
        ChunkGrant grant = bench.Grant();

        ChunkWriteResult written = await bench.WriteAsync(grant, payload);

        uint crc32C = Crc32C.Compute(payload);
        Assert.That(written.Status, Is.EqualTo(ChunkStatus.Ok), written.Detail);
        Assert.That(
            written.Replicas,
            Is.EqualTo(bench.Nodes.Select(node => new ReplicaAcknowledgement(node.Id, crc32C, BigFsDurability.Memory))));
        var read = new byte[length];
        for (int node = 0; node < 2; node++)
        {
            read.AsSpan().Clear();
            ChunkStatus status = await bench.ReadAsync(node, TransferBench.Reference(grant, payload), 0, read);
            Assert.That(status, Is.EqualTo(ChunkStatus.Ok));
            Assert.That(read.AsSpan().SequenceEqual(payload), Is.True);
        }
    }

    [Test]
    public async Task Any_range_of_a_chunk_reads_as_its_bytes()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        Gen<int> edge = Gen.OneOf(
            Gen.Int[0, 700_000],
            Gen.Select(Gen.Int[0, 10], Gen.Int[-2, 2], (block, step) => Math.Max(0, (block * Limits.BlockSize) + step)));
        var direct = new DirectChunkTransport(id => bench.Stores.Find(store => store.Node == id));

        await Gen.Select(edge, edge, edge).SampleAsync(
            async (a, b, c) =>
            {
                int length = Math.Max(a, Math.Max(b, c)) + 1;
                int offset = Math.Min(a, b);
                byte[] payload = TransferBench.Payload(length);
                ChunkGrant grant = bench.Grant();
                bench.Stores[0].Put(grant.Key, payload);
                ChunkReference chunk = TransferBench.Reference(grant, payload);
                var read = new byte[Math.Abs(a - b)];
                var readDirectly = new byte[read.Length];

                Assert.That(await bench.ReadAsync(0, chunk, offset, read), Is.EqualTo(ChunkStatus.Ok));
                Assert.That(
                    await direct.ReadAsync(bench.Nodes[0], chunk, [], offset, readDirectly, default),
                    Is.EqualTo(new ChunkReadResult(ChunkStatus.Ok, Crc32C.Compute(payload.AsSpan(offset, read.Length)))));
                Assert.That(read.AsSpan().SequenceEqual(payload.AsSpan(offset, read.Length)), Is.True);
                Assert.That(readDirectly.AsSpan().SequenceEqual(read), Is.True);
            },
            seed: "0N0XIzNsQ0O2",
            iter: 150,
            threads: 1);
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(2), "every read left its connection in order");
    }

    [Test]
    public async Task A_range_beyond_the_chunk_is_the_callers_mistake()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        var chunk = new ChunkReference(TransferBench.Volume, ChunkKey.Create(1, 1), 10, 0);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bench.ReadAsync(0, chunk, 5, new byte[6]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bench.ReadAsync(0, chunk, -1, new byte[6]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bench.WriteAsync(bench.Grant(), []));
    }

    [TestCase(0)]
    [TestCase(Limits.BlockSize + 5)]
    [TestCase(600_000 - 1)]
    public async Task A_flipped_byte_in_the_store_is_never_delivered(int flipped)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        byte[] payload = TransferBench.Payload(600_000);
        ChunkGrant grant = bench.Grant();
        await bench.WriteAsync(grant, payload);
        bench.Stores[0].Bytes(grant.Key)[flipped] ^= 1;
        var direct = new DirectChunkTransport(_ => bench.Stores[0]);
        ChunkReference chunk = TransferBench.Reference(grant, payload);

        Assert.That(await bench.ReadAsync(0, chunk, 0, new byte[600_000]), Is.EqualTo(ChunkStatus.Damaged));
        Assert.That(await bench.ReadAsync(0, chunk, flipped, new byte[1]), Is.EqualTo(ChunkStatus.Damaged));
        Assert.That((await direct.ReadAsync(bench.Nodes[0], chunk, [], 0, new byte[600_000], default)).Status, Is.EqualTo(ChunkStatus.Damaged));
        int elsewhere = flipped == 0 ? 3 * Limits.BlockSize : 0;
        Assert.That(await bench.ReadAsync(0, chunk, elsewhere, new byte[100]), Is.EqualTo(ChunkStatus.Ok), "other blocks are good");
    }

    [Test]
    public async Task Forged_block_checksums_are_found_out_by_the_writers_checksum()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        byte[] payload = TransferBench.Payload(200_000);
        ChunkGrant grant = bench.Grant();
        await bench.WriteAsync(grant, payload);
        byte[] stored = bench.Stores[0].Bytes(grant.Key);
        stored[100_000] ^= 1;
        bench.Stores[0].Put(grant.Key, stored);
        var direct = new DirectChunkTransport(_ => bench.Stores[0]);
        ChunkReference chunk = TransferBench.Reference(grant, payload);

        Assert.That(await bench.ReadAsync(0, chunk, 0, new byte[200_000]), Is.EqualTo(ChunkStatus.Damaged));
        Assert.That((await direct.ReadAsync(bench.Nodes[0], chunk, [], 0, new byte[10], default)).Status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That(
            await bench.ReadAsync(0, chunk with { Length = 199_999 }, 0, new byte[10]), Is.EqualTo(ChunkStatus.Damaged), "another length");
    }

    [Test]
    public async Task A_payload_that_does_not_match_the_writers_checksum_is_refused_by_name()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        byte[] payload = TransferBench.Payload(300_000);

        ChunkWriteResult result = await bench.Client.WriteAsync(bench.Grant(), payload, Crc32C.Compute(payload) ^ 1, default);

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That(result.FailedNode, Is.EqualTo(bench.Nodes[0].Id));
        Assert.That(bench.Stores.SelectMany(store => store.Keys), Is.Empty);
    }

    [Test]
    public async Task An_absent_chunk_is_said_to_be_absent_and_the_connection_serves_on()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        var chunk = new ChunkReference(TransferBench.Volume, ChunkKey.Create(1, 99), 10, 0);

        Assert.That(await bench.ReadAsync(0, chunk, 0, new byte[10]), Is.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(1));
        Assert.That(
            await TransferBench.ReadAbsentAsync(bench.Client, bench.Nodes[0]), Is.EqualTo(ChunkStatus.ChunkNotFound));
    }
}
