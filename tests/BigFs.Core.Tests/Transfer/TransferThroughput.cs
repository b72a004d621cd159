using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>
/// What the protocol costs beside bare sockets that move the same bytes along the same hops, all in one process over
/// loopback; nothing is stored. Run by name; figures go to the test's output.
/// </summary>
[TestFixture]
[Explicit("Measures; asserts nothing.")]
internal sealed class TransferThroughput
{
    private const int Chunk = 8 << 20;
    private const int Chunks = 192;

    private static readonly byte[] Payload = TransferBench.Payload(Chunk);

    [TestCase(1)]
    [TestCase(4)]
    public async Task Write_through_two_members(int writers)
    {
        await using TransferBench bench = await StartDiscardingAsync();
        uint crc32C = Crc32C.Compute(Payload);
        Func<int, Task> protocol = async _ =>
        {
            ChunkWriteResult result = await bench.Client.WriteAsync(bench.Grant(), Payload, crc32C, default);
            Assert.That(result.Status, Is.EqualTo(ChunkStatus.Ok), result.Detail);
        };
        await using RawChain raw = await RawChain.StartAsync(writers);
        for (int round = 0; round < 2; round++)
        {
            Report($"raw sockets, {writers} writers", await MeasureAsync(writers, raw.SendAsync));
            Report($"protocol,    {writers} writers", await MeasureAsync(writers, protocol));
        }
    }

    [TestCase(1)]
    [TestCase(4)]
    public async Task Read(int readers)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        ChunkGrant grant = bench.Grant();
        bench.Stores[0].Put(grant.Key, Payload);
        ChunkReference chunk = TransferBench.Reference(grant, Payload);
        byte[][] destinations = [.. Enumerable.Range(0, readers).Select(_ => new byte[Chunk])];
        for (int round = 0; round < 2; round++)
        {
            Report($"protocol, {readers} readers", await MeasureAsync(readers, async reader =>
                Assert.That(await bench.ReadAsync(0, chunk, 0, destinations[reader]), Is.EqualTo(ChunkStatus.Ok))));
        }
    }

    private static async Task<TransferBench> StartDiscardingAsync()
    {
        TransferBench bench = await TransferBench.StartAsync(2);
        bench.Stores.ForEach(store => store.Discards = true);
        return bench;
    }

    private static async Task<(double Seconds, double Cpu)> MeasureAsync(int workers, Func<int, Task> one)
    {
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(async () =>
        {
            for (int i = 0; i < Chunks / workers; i++)
            {
                await one(worker);
            }
        })));
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
    }

    private static void Report(string what, (double Seconds, double Cpu) run)
    {
        double gigabytes = (double)Chunk * Chunks / 1e9;
        TestContext.Out.WriteLine(
            $"{what}: {gigabytes * 1000 / run.Seconds:F0} MB/s, {run.Cpu / gigabytes:F2} CPU s/GB");
    }

    /// <summary>
    /// Client, first and second member as bare sockets: each piece is received, passed on, and one byte comes back a
    /// chunk.
    /// </summary>
    private sealed class RawChain : IAsyncDisposable
    {
        private readonly List<Socket> _sockets = [];
        private readonly List<Socket> _clients = [];
        private readonly List<Task> _serving = [];

        public static async Task<RawChain> StartAsync(int writers)
        {
            var chain = new RawChain();
            for (int i = 0; i < writers; i++)
            {
                (Socket client, Socket first) = await chain.ConnectAsync();
                (Socket relay, Socket second) = await chain.ConnectAsync();
                chain._clients.Add(client);
                chain._serving.Add(ServeAsync(first, relay));
                chain._serving.Add(ServeAsync(second, null));
            }

            return chain;
        }

        public async Task SendAsync(int writer)
        {
            for (int sent = 0; sent < Chunk; sent += 256 << 10)
            {
                await _clients[writer].SendAsync(Payload.AsMemory(sent, 256 << 10));
            }

            await _clients[writer].ReceiveAsync(new byte[1]);
        }

        public async ValueTask DisposeAsync()
        {
            _clients.ForEach(client => client.Dispose());
            await Task.WhenAll(_serving);
            _sockets.ForEach(socket => socket.Dispose());
        }

        private static async Task ServeAsync(Socket upstream, Socket? downstream)
        {
            var buffer = new byte[Chunk];
            while (true)
            {
                int taken = 0, passed = 0;
                while (taken < Chunk)
                {
                    int received = await upstream.ReceiveAsync(buffer.AsMemory(taken, Math.Min(256 << 10, Chunk - taken)));
                    if (received == 0)
                    {
                        downstream?.Dispose();
                        return;
                    }

                    taken += received;
                    if (downstream is not null && (taken - passed >= 256 << 10 || taken == Chunk))
                    {
                        await downstream.SendAsync(buffer.AsMemory(passed, taken - passed));
                        passed = taken;
                    }
                }

                if (downstream is not null)
                {
                    await downstream.ReceiveAsync(new byte[1]);
                }

                await upstream.SendAsync(new byte[1]);
            }
        }

        private async Task<(Socket Client, Socket Server)> ConnectAsync()
        {
            using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen();
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await client.ConnectAsync(listener.LocalEndPoint!);
            Socket server = await listener.AcceptAsync();
            server.NoDelay = true;
            _sockets.Add(client);
            _sockets.Add(server);
            return (client, server);
        }
    }
}
