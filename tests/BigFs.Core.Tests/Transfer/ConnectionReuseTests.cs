using System.Net;
using System.Net.Sockets;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
internal sealed class ConnectionReuseTests
{
    [Test]
    public async Task One_connection_for_large_and_one_for_small_chunks_serve_request_after_request_of_both_kinds()
    {
        await using TransferBench bench = await TransferBench.StartAsync(
            1, options: TransferBench.ServerOptions with { MaxConnections = 2 });
        byte[] payload = TransferBench.Payload(100_000);
        for (int i = 0; i < 5; i++)
        {
            ChunkGrant grant = bench.Grant();
            Assert.That((await bench.WriteAsync(grant, payload)).Status, Is.EqualTo(ChunkStatus.Ok));
            Assert.That(
                await bench.ReadAsync(0, TransferBench.Reference(grant, payload), 10, new byte[50_000]), Is.EqualTo(ChunkStatus.Ok));
            Assert.That(
                await bench.ReadAsync(0, TransferBench.Reference(grant, payload), 10, new byte[90_000]), Is.EqualTo(ChunkStatus.Ok));
            Assert.That((await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000))).Status, Is.EqualTo(ChunkStatus.Ok));
        }

        Assert.That(bench.Client.IdleConnections, Is.EqualTo(2));
    }

    [Test]
    public async Task A_server_that_restarted_is_reached_on_a_fresh_connection()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        string endpoint = bench.Nodes[0].TransferEndpoint;
        await bench.StopNodeAsync(0);
        await bench.StartNodeAsync(0, TransferBench.ServerOptions with { Endpoint = endpoint });

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok), result.Detail);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_pooled_connection_that_breaks_is_replaced_once_unless_a_byte_of_the_answer_came(bool answers)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var node = new NodeAddress(TransferBench.NodeOf(3), listener.LocalEndPoint!.ToString()!);
        await using var client = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);

        Task<ChunkStatus> first = TransferBench.ReadAbsentAsync(client, node);
        using FrameConnection served = await GreetAsync(listener);
        await AnswerAsync(served, node.Id);
        Assert.That(await first, Is.EqualTo(ChunkStatus.ChunkNotFound));

        // The pooled connection looks alive when it is taken, and breaks once the request is on it.
        Task<ChunkStatus> second = TransferBench.ReadAbsentAsync(client, node);
        await ReceiveRequestAsync(served);
        if (answers)
        {
            // The beginning of an answer: the chunk's length and the checksum of its one block; no data follow.
            await served.SendAsync(FrameType.Reading, 2, new byte[] { 10, 0, 0, 0, 0, 0, 0, 0 });
        }

        served.Dispose();
        if (!answers)
        {
            using FrameConnection fresh = await GreetAsync(listener);
            await AnswerAsync(fresh, node.Id);
            Assert.That(await second, Is.EqualTo(ChunkStatus.ChunkNotFound));
        }
        else
        {
            Assert.That(await second, Is.EqualTo(ChunkStatus.Unreachable));
        }
    }

    [Test]
    public async Task Connections_that_nobody_uses_are_closed_after_a_while()
    {
        var clock = new FakeTimeProvider();
        await using TransferBench bench = await TransferBench.StartAsync(1, time: clock);
        await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(1));

        await TransferBench.EventuallyAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(30));
                return bench.Client.IdleConnections == 0;
            },
            "idle connection closed");
    }

    [Test]
    public async Task No_more_idle_connections_are_kept_than_set()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        await using var client = new TcpChunkTransport(
            new TransferClientOptions { MaxIdleConnectionsPerEndpoint = 2 }, TimeProvider.System, NullLogger.Instance);

        ChunkStatus[] statuses = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => TransferBench.ReadAbsentAsync(client, bench.Nodes[0])));

        Assert.That(statuses, Is.All.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That(client.IdleConnections, Is.InRange(1, 2));
    }

    [Test]
    public async Task Many_writers_and_readers_at_once_mix_nothing_up()
    {
        await using TransferBench bench = await TransferBench.StartAsync(3);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async i =>
        {
            byte[] payload = TransferBench.Payload(300_000 + (i * 1000), seed: i);
            ChunkGrant grant = bench.Grant(bench.Nodes[i % 3], bench.Nodes[(i + 1) % 3]);
            ChunkWriteResult written = await bench.WriteAsync(grant, payload);
            var read = new byte[payload.Length];
            ChunkStatus status = await bench.ReadAsync((i + 1) % 3, TransferBench.Reference(grant, payload), 0, read);
            Assert.That((written.Status, status), Is.EqualTo((ChunkStatus.Ok, ChunkStatus.Ok)), written.Detail);
            Assert.That(read.AsSpan().SequenceEqual(payload), Is.True);
        }));
    }

    private static async Task<FrameConnection> GreetAsync(Socket listener)
    {
        var connection = new FrameConnection(await listener.AcceptAsync(), "client", TimeProvider.System);
        await connection.ReceiveHelloAsync();
        await connection.SendHelloAsync();
        return connection;
    }

    private static async Task AnswerAsync(FrameConnection connection, NodeId node)
    {
        ulong request = await ReceiveRequestAsync(connection);
        await connection.SendErrorAsync(request, new ErrorAnswer(ChunkStatus.ChunkNotFound, node, "It is not here."));
    }

    private static async Task<ulong> ReceiveRequestAsync(FrameConnection connection)
    {
        FrameHeader header = await connection.ReceiveHeaderAsync();
        await connection.ReceiveMessageAsync(header);
        return header.RequestId;
    }
}
