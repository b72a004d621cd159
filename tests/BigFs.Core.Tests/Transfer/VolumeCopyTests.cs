using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Storage;
using BigFs.Core.Transfer;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>Copying volumes and having chunks checked, over the wire and in process.</summary>
[TestFixture(true)]
[TestFixture(false)]
internal sealed class VolumeCopyTests(bool overWire)
{
    private readonly ChunkBufferPool _buffers = new(128 << 20);
    private readonly List<StoredChunkInfo> _taken = [];
    private readonly Dictionary<ChunkKey, byte[]> _bytes = [];

    [SetUp]
    public void Clear()
    {
        _taken.Clear();
        _bytes.Clear();
    }

    [TearDown]
    public void Every_buffer_came_back() => Assert.That(_buffers.BytesInUse, Is.Zero);

    [OneTimeTearDown]
    public void DisposeBuffers() => _buffers.Dispose();

    [Test]
    public async Task The_chunks_that_are_named_come_one_after_the_other_in_one_answer()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        IReplicaTransport transport = Transport(bench);
        byte[][] payloads = [.. new[] { 1, 70_000, 3, Limits.BlockSize, 600_000 }.Select((length, i) => Put(bench, i + 1, length))];

        VolumePageResult result = await CopyAsync(transport, Page(bench) with { Keys = [Key(1), Key(2), Key(4), Key(5)] });

        Assert.That((result.Status, result.HasMore, result.Last), Is.EqualTo((ChunkStatus.Ok, false, Key(5))), result.Detail);
        Assert.That(_taken.Select(chunk => chunk.Key), Is.EqualTo(new[] { Key(1), Key(2), Key(4), Key(5) }));
        Assert.That(_taken.Select(chunk => chunk.Crc32C), Is.EqualTo(new[] { 0, 1, 3, 4 }.Select(i => Crc32C.Compute(payloads[i]))));
        Assert.That(_bytes[Key(5)].AsSpan().SequenceEqual(payloads[4]), Is.True);
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(overWire ? 1 : 0), "the connection is in order");
    }

    [Test]
    public async Task A_whole_volume_comes_page_by_page_and_goes_on_where_it_was_broken_off()
    {
        using var disk = new MemoryDisk();
        await using VolumeStore store = await StoreKit.OpenAsync(disk);
        await store.OpenVolumeAsync(1, epoch: 5);
        for (int i = 1; i <= 600; i++)
        {
            Assert.That(await store.AppendAsync(1, 5, (ulong)i, StoreKit.Bytes(100 + i, i)), Is.EqualTo(ChunkStatus.Ok));
        }

        await store.DeleteAsync(1, 7, 300, 9999);
        await using var server = new TransferServer(
            store, TransferBench.VerifierOf(store.Node), TransferBench.ServerOptions, TimeProvider.System, NullLogger.Instance);
        await server.StartAsync();
        await using var client = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);
        IReplicaTransport transport = overWire ? client : new DirectChunkTransport(_ => store);
        var volume = new VolumeId(1);
        var page = new VolumePage
        {
            Source = new NodeAddress(store.Node, server.Endpoint),
            Volume = volume,
            Capability = TransferBench.Signer.SignCopy(volume, 5, [store.Node]),
            MaxBytes = 30_000,
        };

        int pages = 0;
        VolumePageResult result;
        do
        {
            // Every third page is broken off by who takes it, and begun again behind what was taken.
            int left = pages % 3 == 2 ? 10 : int.MaxValue;
            result = await CopyAsync(transport, page, _ => left-- > 0);
            Assert.That(result.Status, Is.AnyOf(ChunkStatus.Ok, ChunkStatus.Busy), result.Detail);
            page = page with { After = _taken[^1].Key };
            pages++;
        }
        while (result.HasMore);

        Assert.That(_taken, Is.EqualTo(await store.ListAsync(1)).Using<StoredChunkInfo>(
            (a, b) => a.Key == b.Key && a.Deleted == b.Deleted && (a.Deleted || a == b)));
        Assert.That(_bytes[new ChunkKey(512)], Is.EqualTo(StoreKit.Bytes(612, 512)));
        Assert.That(pages, Is.GreaterThan(5));
    }

    [Test]
    public async Task A_chunk_that_is_damaged_or_gone_is_left_out_and_said()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        IReplicaTransport transport = Transport(bench);
        Put(bench, 1, 1000);
        Put(bench, 2, 200_000);
        Put(bench, 3, 1000);
        bench.Stores[0].Bytes(Key(2))[150_000] ^= 1;

        VolumePageResult damaged = await CopyAsync(transport, Page(bench) with { Keys = [Key(1), Key(2), Key(3)] });
        VolumePageResult absent = await CopyAsync(transport, Page(bench) with { Keys = [Key(3), Key(4)] });

        Assert.That((damaged.Status, absent.Status), Is.EqualTo((ChunkStatus.Damaged, ChunkStatus.ChunkNotFound)));
        Assert.That(_taken.Select(chunk => chunk.Key), Is.EqualTo(new[] { Key(1), Key(3), Key(3) }));
    }

    [Test]
    public async Task A_chunk_is_verified_where_it_is()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        IReplicaTransport transport = Transport(bench);
        byte[] payload = Put(bench, 1, 300_000);
        Put(bench, 2, 300_000);
        bench.Stores[0].Bytes(Key(2))[Limits.BlockSize + 5] ^= 1;

        var whole = new StoredChunkInfo(Key(1), payload.Length, Crc32C.Compute(payload), false);
        Assert.That(await VerifyAsync(1), Is.EqualTo((ChunkStatus.Ok, whole)));
        Assert.That(await VerifyAsync(1, 299_999, 1), Is.EqualTo((ChunkStatus.Ok, whole)));
        Assert.That((await VerifyAsync(2)).Status, Is.EqualTo(ChunkStatus.Damaged));
        Assert.That((await VerifyAsync(2, Limits.BlockSize, 1)).Status, Is.EqualTo(ChunkStatus.Damaged), "its whole block is checked");
        Assert.That((await VerifyAsync(2, 2 * Limits.BlockSize, 0)).Status, Is.EqualTo(ChunkStatus.Ok), "other blocks are good");
        Assert.That((await VerifyAsync(3)).Status, Is.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That((await VerifyAsync(1, 299_999, 2)).Status, Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(overWire ? 1 : 0), "the connection is in order");

        async Task<(ChunkStatus Status, StoredChunkInfo)> VerifyAsync(long key, int offset = 0, int length = 0) =>
            await transport.VerifyAsync(
                bench.Nodes[0],
                TransferBench.Volume,
                Key(key),
                (offset, length),
                TransferBench.Signer.SignVerify(TransferBench.Volume, 3, [bench.Nodes[0].Id]),
                default);
    }

    [Test]
    public async Task Neither_is_done_for_who_may_only_read()
    {
        Assume.That(overWire, "in process nobody is asked");
        await using TransferBench bench = await TransferBench.StartAsync(1);
        ImmutableArray<byte> read = TransferBench.ReadCapability(bench.Nodes[0].Id);

        VolumePageResult copied = await CopyAsync(bench.Client, Page(bench) with { Capability = read });
        (ChunkStatus verified, _) = await bench.Client.VerifyAsync(bench.Nodes[0], TransferBench.Volume, Key(1), default, read, default);

        Assert.That((copied.Status, verified), Is.EqualTo((ChunkStatus.NotAllowed, ChunkStatus.NotAllowed)), copied.Detail);
        Assert.That(bench.Stores[0].Calls, Is.Empty);
    }

    [Test]
    public async Task A_node_that_is_away_is_unreachable()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        IReplicaTransport transport = overWire ? bench.Client : new DirectChunkTransport(_ => null);
        await bench.StopNodeAsync(0);

        VolumePageResult result = await CopyAsync(transport, Page(bench));

        Assert.That((result.Status, result.HasMore), Is.EqualTo((ChunkStatus.Unreachable, true)));
        (ChunkStatus status, _) = await transport.VerifyAsync(bench.Nodes[0], TransferBench.Volume, Key(1), default, [], default);
        Assert.That(status, Is.EqualTo(ChunkStatus.Unreachable));
    }

    [Test]
    public void Messages_read_as_they_were_written_and_never_when_cut_short() =>
        Gen.Select(Gen.Long, Gen.ULong, Gen.UInt[1, uint.MaxValue], Gen.Int[0, VolumePage.MaxKeys], Gen.Byte.Array[0, 100]).Sample(
            (volume, after, maxBytes, count, capability) =>
            {
                var request = new CopyRequest(
                    new VolumeId(volume),
                    new ChunkKey(after),
                    maxBytes,
                    [.. Enumerable.Range(1, count).Select(i => new ChunkKey((ulong)i * 3))],
                    [.. capability]);
                var bytes = new byte[FrameHeader.MaxMessage];
                int used = request.Encode(bytes);
                CopyRequest? read = CopyRequest.Decode(bytes.AsSpan(0, used));
                Assert.That(read?.Keys, Is.EqualTo(request.Keys));
                Assert.That(read?.Capability, Is.EqualTo(request.Capability));
                Assert.That(read!.Value with { Keys = request.Keys, Capability = request.Capability }, Is.EqualTo(request));
                Assert.That(CopyRequest.Decode(bytes.AsSpan(0, used - 1)), Is.Null);
                Assert.That(CopyRequest.Decode(bytes.AsSpan(0, used + 1)), Is.Null);

                var chunk = new CopiedChunk(new ChunkKey(after), (int)(maxBytes % Limits.MaxChunkSize) + 1, maxBytes, ChunkStatus.Ok);
                Assert.That(CopiedChunk.Decode(bytes.AsSpan(0, chunk.Encode(bytes))), Is.EqualTo(chunk));
                Assert.That(CopiedChunk.Decode(bytes.AsSpan(0, (chunk with { Length = 0 }).Encode(bytes))), Is.Null);
                Assert.That(CopiedChunk.Decode(bytes.AsSpan(0, (chunk with { Status = ChunkStatus.Busy }).Encode(bytes))), Is.Null);
                var end = new CopyAnswer(new ChunkKey(after), count % 2 == 0);
                Assert.That(CopyAnswer.Decode(bytes.AsSpan(0, end.Encode(bytes))), Is.EqualTo(end));
                var verified = new VerifyAnswer(chunk.Length, maxBytes);
                Assert.That(VerifyAnswer.Decode(bytes.AsSpan(0, verified.Encode(bytes))), Is.EqualTo(verified));
            },
            seed: "0N0XIzNsQ0O2",
            iter: 200);

    [Test]
    public void Keys_that_do_not_ascend_are_malformed()
    {
        var bytes = new byte[FrameHeader.MaxMessage];
        var request = new CopyRequest(TransferBench.Volume, default, 1, [new ChunkKey(2), new ChunkKey(2)], []);

        Assert.That(CopyRequest.Decode(bytes.AsSpan(0, request.Encode(bytes))), Is.Null);
    }

    private static ChunkKey Key(long number) => ChunkKey.Create(1, number);

    private static byte[] Put(TransferBench bench, long key, int length)
    {
        byte[] payload = TransferBench.Payload(length, (int)key);
        bench.Stores[0].Put(Key(key), [.. payload]);
        return payload;
    }

    private static VolumePage Page(TransferBench bench) => new()
    {
        Source = bench.Nodes[0],
        Volume = TransferBench.Volume,
        Capability = TransferBench.Signer.SignCopy(TransferBench.Volume, 3, [bench.Nodes[0].Id]),
    };

    private IReplicaTransport Transport(TransferBench bench) =>
        overWire ? bench.Client : new DirectChunkTransport(id => bench.Stores.Find(store => store.Node == id));

    private async Task<VolumePageResult> CopyAsync(
        IReplicaTransport transport, VolumePage page, Func<StoredChunkInfo, bool>? takes = null) =>
        await transport.CopyAsync(
            page,
            _buffers,
            (chunk, buffer) =>
            {
                using (buffer as IDisposable)
                {
                    if (takes?.Invoke(chunk) == false)
                    {
                        return false;
                    }

                    _taken.Add(chunk);
                    if (buffer is not null)
                    {
                        _bytes[chunk.Key] = buffer.Payload.ToArray();
                    }

                    return true;
                }
            },
            default).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
}
