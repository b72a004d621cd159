using System.Net;
using System.Net.Sockets;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Threading;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
internal sealed class TransferFailureTests
{
    private const int ChunkLength = 4 << 20;

    [Test]
    public async Task A_second_member_that_is_down_fails_the_write_by_name()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        await bench.StopNodeAsync(1);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, bench.Nodes[1].Id)), result.Detail);
        await bench.BuffersComeBackAsync();
    }

    [Test]
    public async Task A_third_member_that_is_down_is_named_through_the_second()
    {
        await using TransferBench bench = await TransferBench.StartAsync(3);
        await bench.StopNodeAsync(2);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, bench.Nodes[2].Id)), result.Detail);
        await bench.BuffersComeBackAsync();
    }

    [Test]
    public async Task A_second_member_that_dies_in_the_middle_fails_the_write_by_name()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        using var dying = new DyingPeer(framesToTake: 3, until: Task.CompletedTask);
        var member = new NodeAddress(TransferBench.NodeOf(5), dying.Endpoint);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(bench.Nodes[0], member), TransferBench.Payload(ChunkLength));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, member.Id)), result.Detail);
        await bench.BuffersComeBackAsync();
    }

    [Test]
    public async Task A_second_member_that_dies_before_its_acknowledgement_fails_the_write_by_name()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        var flushing = new TaskCompletionSource();
        bench.Stores[0].Flush = _ =>
        {
            flushing.SetResult();
            return Task.CompletedTask;
        };
        using var dying = new DyingPeer(1 + (ChunkLength / FrameHeader.MaxData), until: flushing.Task);
        var member = new NodeAddress(TransferBench.NodeOf(5), dying.Endpoint);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(bench.Nodes[0], member), TransferBench.Payload(ChunkLength));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, member.Id)), result.Detail);
    }

    [Test]
    public async Task A_second_member_that_hangs_is_named_within_the_stall_time_out()
    {
        // The client's own stall time-out is shorter than the relay's: waiting frames must keep it from blaming the first.
        await using TransferBench bench = await TransferBench.StartAsync(
            1, stallTimeout: TimeSpan.FromMilliseconds(250), options: TransferBench.ImpatientRelay);
        using var hung = new DyingPeer(framesToTake: 3, until: DyingPeer.Never);
        var member = new NodeAddress(TransferBench.NodeOf(5), hung.Endpoint);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(bench.Nodes[0], member), TransferBench.Payload(16 << 20));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Stalled, member.Id)), result.Detail);
        await bench.BuffersComeBackAsync();
    }

    [Test]
    public async Task A_first_member_that_hangs_is_a_stall_for_writes_and_reads()
    {
        await using TransferBench bench = await TransferBench.StartAsync(0, stallTimeout: TimeSpan.FromMilliseconds(200));
        using var hung = new DyingPeer(framesToTake: 0, until: DyingPeer.Never);
        var member = new NodeAddress(TransferBench.NodeOf(5), hung.Endpoint);
        var chunk = new ChunkReference(TransferBench.Volume, ChunkKey.Create(1, 1), 10, 0);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(member), TransferBench.Payload(16 << 20));
        ChunkReadResult read = await bench.Client.ReadAsync(member, chunk, [], 0, new byte[10], default);

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Stalled, member.Id)), result.Detail);
        Assert.That(read.Status, Is.EqualTo(ChunkStatus.Stalled));
        Assert.That(bench.Client.IdleConnections, Is.Zero);
    }

    [Test]
    public async Task A_flush_that_hangs_is_a_stall_at_the_node_that_hangs()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2, options: TransferBench.ImpatientRelay);
        bench.Stores[1].Flush = token => Task.Delay(Timeout.Infinite, token);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Stalled, bench.Nodes[1].Id)), result.Detail);
    }

    [Test]
    public async Task A_slow_flush_on_the_connections_own_thread_is_waited_for_while_others_end()
    {
        TimeSpan stall = TimeSpan.FromMilliseconds(400);
        await using TransferBench bench = await TransferBench.StartAsync(1, stall, options: TransferBench.ImpatientRelay);
        using var disk = new BlockingThreads("disk", 1);
        using var done = new ManualResetEventSlim();
        string? flushedBy = null;
        bench.Stores[0].Flush = _ => disk.RunAsync(() =>
        {
            flushedBy = Thread.CurrentThread.Name;
            done.Wait();
        }).AsTask();
        Task<ChunkWriteResult> slow = bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength));
        await TransferBench.EventuallyAsync(() => flushedBy is not null, "the flush began");
        bench.Stores[0].Flush = _ => Task.CompletedTask;

        try
        {
            // Other chunks show that the node gets on, for three times as long as the writer has patience with one that does not.
            for (long begun = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(begun) < stall * 3;)
            {
                ChunkWriteResult other = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength));
                Assert.That(other.Status, Is.EqualTo(ChunkStatus.Ok), other.Detail);
            }

            Assert.That(slow.IsCompleted, Is.False);
        }
        finally
        {
            done.Set();
        }

        Assert.That((await slow).Status, Is.EqualTo(ChunkStatus.Ok), (await slow).Detail);
        Assert.That(flushedBy, Is.EqualTo("bigfs-connection"));
    }

    [Test]
    public async Task A_refusal_before_the_payload_leaves_the_connection_in_order_or_closed_but_never_confused()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        foreach (int refusing in new[] { 0, 1 })
        {
            foreach (int length in new[] { 1000, ChunkLength })
            {
                bench.Stores[refusing].Checks = ChunkStatus.WrongEpoch;
                ChunkWriteResult refused = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(length));
                Assert.That((refused.Status, refused.FailedNode), Is.EqualTo((ChunkStatus.WrongEpoch, bench.Nodes[refusing].Id)));

                bench.Stores[refusing].Checks = ChunkStatus.Ok;
                ChunkWriteResult taken = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(length));
                Assert.That(taken.Status, Is.EqualTo(ChunkStatus.Ok), taken.Detail);
            }
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    public async Task A_full_disk_at_a_member_is_named(int full)
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        bench.Stores[full].Appends = ChunkStatus.OutOfSpace;

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.OutOfSpace, bench.Nodes[full].Id)), result.Detail);
    }

    [Test]
    public async Task A_node_refuses_writes_that_are_meant_for_another_one()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        NodeAddress moved = bench.Nodes[0] with { Id = TransferBench.NodeOf(6) };

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(moved), TransferBench.Payload(1000));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Unreachable, moved.Id)));
        Assert.That(bench.Stores[0].AppendCount, Is.Zero);
    }

    [Test]
    public async Task Cancelling_a_write_ends_it_within_a_second_and_spends_its_connection()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        var flushing = new TaskCompletionSource();
        bench.Stores[1].Flush = token =>
        {
            flushing.TrySetResult();
            return Task.Delay(Timeout.Infinite, token);
        };
        using var cancel = new CancellationTokenSource();
        Task<ChunkWriteResult> writing = bench.WriteAsync(bench.Grant(), TransferBench.Payload(ChunkLength), cancel.Token);
        await flushing.Task;
        long start = TimeProvider.System.GetTimestamp();

        await cancel.CancelAsync();

        Assert.That(async () => await writing, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(TimeProvider.System.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(bench.Client.IdleConnections, Is.Zero);
    }

    [TestCase(10, 1)]
    [TestCase(1 << 20, 0)]
    public async Task Cancelling_a_read_ends_it_within_a_second_and_spends_its_connection_if_it_had_one_of_its_own(
        int length, int connectionsLeft)
    {
        await using TransferBench bench = await TransferBench.StartAsync(0);
        using var hung = new DyingPeer(framesToTake: 1, until: DyingPeer.Never);
        using var cancel = new CancellationTokenSource();
        var chunk = new ChunkReference(TransferBench.Volume, ChunkKey.Create(1, 1), length, 0);
        Task<ChunkReadResult> reading = bench.Client.ReadAsync(
            new NodeAddress(TransferBench.NodeOf(5), hung.Endpoint), chunk, [], 0, new byte[length], cancel.Token).AsTask();
        await hung.Greeted;
        long start = TimeProvider.System.GetTimestamp();

        await cancel.CancelAsync();

        Assert.That(async () => await reading, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(TimeProvider.System.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1)));
        await TransferBench.EventuallyAsync(() => bench.Client.IdleConnections == connectionsLeft, "the connections that are left");
    }

    [Test]
    public async Task An_endpoint_that_never_answers_fails_within_the_connect_time_out_by_address()
    {
        using var silent = new Socket(SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        string endpoint = $"127.0.0.1:{((IPEndPoint)silent.LocalEndPoint!).Port}";
        var options = new TransferClientOptions { ConnectTimeout = TimeSpan.FromMilliseconds(100) };
        await using var client = new TcpChunkTransport(options, TimeProvider.System, NullLogger.Instance);
        byte[] payload = TransferBench.Payload(10);
        var grant = new ChunkGrant
        {
            Key = ChunkKey.Create(1, 1),
            Volume = TransferBench.Volume,
            Epoch = 1,
            Pipeline = [new NodeAddress(TransferBench.NodeOf(1), endpoint)],
        };

        ChunkWriteResult result = await client.WriteAsync(grant, payload, Crc32C.Compute(payload), default);

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Unreachable));
        Assert.That(result.Detail, Does.Contain(endpoint));
    }
}
