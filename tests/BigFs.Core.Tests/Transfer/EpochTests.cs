using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>
/// The epoch is checked again in the step that acknowledges: a write that a fence has overtaken is on the disk, but its
/// writer is not told so.
/// </summary>
[TestFixture]
internal sealed class EpochTests
{
    [Test]
    public async Task A_chunk_that_is_flushed_together_with_a_fence_is_not_acknowledged_by_the_store()
    {
        using var disk = new HeldDisk();
        await using VolumeStore store = await StoreKit.OpenAsync(disk);
        await store.OpenVolumeAsync(1, epoch: 5);
        disk.Hold();
        Task<ChunkStatus> first = store.AppendAsync(1, 5, 1, [1]);
        await disk.SomeFlushIsHeldAsync();

        // Both come into the next batch, the fence behind the chunk.
        Task<ChunkStatus> overtaken = store.AppendAsync(1, 5, 2, [2]);
        Task<ChunkStatus> fence = store.FenceAsync(1, 6).AsTask();
        disk.Release();

        Assert.That(await fence, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await overtaken, Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That(await first, Is.AnyOf(ChunkStatus.Ok, ChunkStatus.WrongEpoch));
        Assert.That((await store.ListAsync(1)).Select(chunk => chunk.Key.Value), Is.EqualTo(new[] { 1UL, 2UL }), "it is there for the union");
    }

    [Test]
    public async Task A_write_that_a_fence_overtakes_is_refused_on_the_wire_although_its_capability_is_good()
    {
        using var disk = new HeldDisk();
        await using VolumeStore store = await StoreKit.OpenAsync(disk);
        var order = new VolumeOrder { Term = 1, Volume = TransferBench.Volume, Epoch = 5, Members = [store.Node] };
        await store.OpenVolumeAsync(order, default);
        await using var server = new TransferServer(
            store, TransferBench.VerifierOf(store.Node), TransferBench.ServerOptions, TimeProvider.System, NullLogger.Instance);
        await server.StartAsync();
        await using var client = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);
        disk.Hold();
        Task<ChunkWriteResult> first = WriteAsync(1);
        await disk.SomeFlushIsHeldAsync();

        Task<ChunkWriteResult> overtaken = WriteAsync(2);
        await TransferBench.EventuallyAsync(() => store.Check(Request(2, [9])) == ChunkStatus.ChunkDiffers, "the second is queued");
        Task<ChunkStatus> fence = store.FenceAsync(order with { Epoch = 6 }, default).AsTask();
        disk.Release();

        Assert.That(await fence, Is.EqualTo(ChunkStatus.Ok));
        Assert.That((await overtaken).Status, Is.EqualTo(ChunkStatus.WrongEpoch));
        Assert.That((await first).Status, Is.AnyOf(ChunkStatus.Ok, ChunkStatus.WrongEpoch));
        Assert.That((await WriteAsync(3)).Status, Is.EqualTo(ChunkStatus.WrongEpoch), "an old epoch's grant is of no more use");

        Task<ChunkWriteResult> WriteAsync(long key)
        {
            ChunkGrant grant = TransferBench.Signed(new ChunkGrant
            {
                Key = ChunkKey.Create(1, key),
                Volume = TransferBench.Volume,
                Epoch = 5,
                Pipeline = [new NodeAddress(store.Node, server.Endpoint)],
            });
            byte[] payload = [(byte)key];
            return client.WriteAsync(grant, payload, Crc32C.Compute(payload), default).AsTask();
        }

        ChunkAppend Request(long key, byte[] payload) => new(
            TransferBench.Volume, 5, [store.Node], ChunkKey.Create(1, key), payload.Length, Crc32C.Compute(payload));
    }
}
