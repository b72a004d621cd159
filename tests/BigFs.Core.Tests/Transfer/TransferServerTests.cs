using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
internal sealed class TransferServerTests
{
    private const int OneBufferLength = 40 << 20;

    /// <summary>Room for one chunk above 32 MiB.</summary>
    private static readonly int OneBuffer = ChunkBuffer.CapacityFor(Limits.MaxChunkSize);

    [Test]
    public async Task Two_servers_on_one_port_are_one_too_many()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        string taken = bench.Nodes[0].TransferEndpoint;
        await using TransferServer second = Server(bench.Stores[0], taken);

        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(() => second.StartAsync());

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.AddressInUse));
        Assert.That(refusal.Message, Does.Contain(taken));
    }

    [Test]
    public async Task A_port_is_free_again_right_after_a_server_that_had_connections()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        string endpoint = bench.Nodes[0].TransferEndpoint;
        await bench.StopNodeAsync(0);

        await bench.StartNodeAsync(0, TransferBench.ServerOptions with { Endpoint = endpoint });

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok), result.Detail);
    }

    [TestCase("0.0.0.0:0")]
    [TestCase("192.0.2.1:80")]
    [TestCase("example.com:80")]
    [TestCase("127.0.0.1")]
    [TestCase("127.0.0.1:99999")]
    [TestCase("::1:5")]
    [TestCase("")]
    public async Task Nothing_listens_beyond_loopback(string endpoint)
    {
        using var store = new FakeChunkStore(TransferBench.NodeOf(0));
        await using TransferServer server = Server(store, endpoint);

        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(() => server.StartAsync());

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refusal.Message, Does.Contain("Endpoint"));
    }

    [Test]
    public void Settings_out_of_range_are_named()
    {
        using var store = new FakeChunkStore(TransferBench.NodeOf(0));

        Assert.That(
            () => new TransferServer(
                store, TransferBench.VerifierOf(store.Node), new() { MaxConnections = 0 }, TimeProvider.System, NullLogger.Instance),
            Throws.InstanceOf<BigFsException>().With.Message.Contains("MaxConnections"));
        Assert.That(
            () => new TcpChunkTransport(new() { StallTimeout = TimeSpan.Zero }, TimeProvider.System, NullLogger.Instance),
            Throws.InstanceOf<BigFsException>().With.Message.Contains("StallTimeout"));
    }

    [Test]
    public async Task A_stopping_server_ends_the_write_in_hand_and_takes_no_more()
    {
        await using TransferBench bench = await TransferBench.StartAsync(
            1, options: TransferBench.ServerOptions with { StopTimeout = TimeSpan.FromSeconds(8) });
        var flushing = new TaskCompletionSource();
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Stores[0].Flush = _ =>
        {
            flushing.TrySetResult();
            return flushed.Task;
        };
        Task<ChunkWriteResult> inHand = bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        await flushing.Task;

        Task stopping = bench.StopNodeAsync(0);
        ChunkWriteResult late = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        Assert.That(stopping.IsCompleted, Is.False);
        flushed.SetResult();

        Assert.That((await inHand).Status, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(late.Status, Is.EqualTo(ChunkStatus.Busy), late.Detail);
        await stopping;
    }

    [Test]
    public async Task Connections_above_the_limit_are_told_that_the_node_is_busy()
    {
        await using TransferBench bench = await TransferBench.StartAsync(
            1, options: TransferBench.ServerOptions with { MaxConnections = 1 });
        using FrameConnection first = await bench.ConnectAsync(0);

        ChunkStatus refused = await TransferBench.ReadAbsentAsync(bench.Client, bench.Nodes[0]);

        Assert.That(refused, Is.EqualTo(ChunkStatus.Busy));
    }

    [Test]
    public async Task A_used_up_buffer_budget_holds_a_writer_back_without_failing_it_while_others_get_on()
    {
        TimeSpan stall = TimeSpan.FromMilliseconds(400);
        await using TransferBench bench = await TransferBench.StartAsync(1, stall, OneBuffer);
        using FrameConnection slow = await bench.ConnectAsync(0);
        var write = Request(bench, OneBufferLength);
        var message = new byte[FrameHeader.MaxMessage];
        await slow.SendAsync(FrameType.Write, 1, message.AsMemory(0, write.Encode(message)));
        await TransferBench.EventuallyAsync(() => bench.Stores[0].Buffers.BytesInUse > 0, "the slow writer has the buffer");

        Task<ChunkWriteResult> held = bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        long start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < stall * 2)
        {
            await slow.SendAsync(FrameType.Data, 1, new byte[1]);
            await Task.Delay(10);
        }

        Assert.That(held.IsCompleted, Is.False, "held back for twice its stall time-out");
        slow.Dispose();
        ChunkWriteResult result = await held;
        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok), result.Detail);
    }

    [Test]
    public async Task A_buffer_that_nothing_frees_is_a_stall_at_the_first_member_and_busy_at_a_later_one()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2, TimeSpan.FromMilliseconds(300), OneBuffer);
        ChunkBuffer taken = await bench.Stores[1].Buffers.RentAsync(OneBufferLength, default);

        ChunkWriteResult behind = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        ChunkWriteResult first = await bench.WriteAsync(bench.Grant(bench.Nodes[1]), TransferBench.Payload(1000));

        taken.Dispose();
        Assert.That((behind.Status, behind.FailedNode), Is.EqualTo((ChunkStatus.Busy, bench.Nodes[1].Id)), behind.Detail);
        Assert.That((first.Status, first.FailedNode), Is.EqualTo((ChunkStatus.Stalled, bench.Nodes[1].Id)), first.Detail);
    }

    [Test]
    public async Task Flushes_of_a_pipeline_overlap()
    {
        await using TransferBench bench = await TransferBench.StartAsync(3);
        int begun = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Stores.ForEach(store => store.Flush = _ =>
        {
            if (Interlocked.Increment(ref begun) == 3)
            {
                all.SetResult();
            }

            return all.Task;
        });

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1 << 20));

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok), "no flush waited for another: each ends only once all have begun");
    }

    private static TransferServer Server(IChunkStore store, string endpoint) =>
        new(store, TransferBench.VerifierOf(store.Node), new TransferServerOptions { Endpoint = endpoint }, TimeProvider.System, NullLogger.Instance);

    private static WriteRequest Request(TransferBench bench, int length) => new()
    {
        Volume = TransferBench.Volume,
        Epoch = 3,
        Key = ChunkKey.Create(2, 1),
        Length = length,
        Crc32C = 0,
        Pipeline = [bench.Nodes[0]],
        Position = 0,
        Capability = TransferBench.Signer.SignWrite(TransferBench.Volume, 3, [bench.Nodes[0].Id], ChunkKey.Create(2, 1), length),
    };
}
