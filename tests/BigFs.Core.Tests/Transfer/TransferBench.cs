using System.Collections.Immutable;
using System.Net.Sockets;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>
/// A few datanodes' transfer servers on loopback and a client for them, with everything checked for leaks at the end.
/// </summary>
internal sealed class TransferBench : IAsyncDisposable
{
    public static readonly VolumeId Volume = new(7);

    /// <summary>Signs for every bench's nodes.</summary>
    public static CapabilitySigner Signer { get; } = SignerOf(Secret, TimeProvider.System);

    /// <summary>The secret of every bench.</summary>
    public static ClusterSecret Secret => ClusterSecret.Create(new byte[ClusterSecret.KeyBytes]);

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly List<TransferServer?> _servers = [];
    private long _lastKey;

    private TransferBench(TcpChunkTransport client) => Client = client;

    public TcpChunkTransport Client { get; }

    public List<FakeChunkStore> Stores { get; } = [];

    public List<NodeAddress> Nodes { get; } = [];

    public static TransferServerOptions ServerOptions { get; } = new()
    {
        StopTimeout = TimeSpan.FromMilliseconds(300),
        WaitingInterval = TimeSpan.FromMilliseconds(50),
    };

    /// <summary>Servers that soon give up on a member behind them.</summary>
    public static TransferServerOptions ImpatientRelay { get; } = ServerOptions with
    {
        Relay = new TransferClientOptions { StallTimeout = TimeSpan.FromMilliseconds(400) },
    };

    /// <summary>Starts so many servers and a client with a stall time-out.</summary>
    public static async Task<TransferBench> StartAsync(
        int nodes,
        TimeSpan? stallTimeout = null,
        long bufferBudget = 256L << 20,
        TransferServerOptions? options = null,
        TimeProvider? time = null,
        TransferClientTls? tls = null)
    {
        var client = new TcpChunkTransport(
            new TransferClientOptions { StallTimeout = stallTimeout ?? Deadline, Tls = tls }, time ?? TimeProvider.System, NullLogger.Instance);
        var bench = new TransferBench(client);
        for (int i = 0; i < nodes; i++)
        {
            var store = new FakeChunkStore(NodeOf(i), bufferBudget);
            bench.Stores.Add(store);
            bench._servers.Add(null);
            bench.Nodes.Add(new NodeAddress(store.Node, ""));
            await bench.StartNodeAsync(i, options ?? ServerOptions);
        }

        return bench;
    }

    public static NodeId NodeOf(int index) => new(new Guid(index + 1, 0, 0, new byte[8]));

    public static CapabilitySigner SignerOf(ClusterSecret secret, TimeProvider time) => new(secret, new CapabilityOptions(), time);

    /// <summary>Checks capabilities for a node.</summary>
    public static CapabilityVerifier VerifierOf(NodeId node, TimeProvider? time = null) =>
        new(Secret.KeysOf(node), new CapabilityOptions(), time ?? TimeProvider.System);

    /// <summary>A capability to read at a node.</summary>
    public static ImmutableArray<byte> ReadCapability(NodeId node) => Signer.SignRead(Volume, 3, [node]);

    /// <summary>The grant with a good capability.</summary>
    public static ChunkGrant Signed(ChunkGrant grant) => grant with
    {
        Capability = Signer.SignWrite(
            grant.Volume, grant.Epoch, [.. grant.Pipeline.Select(member => member.Id)], grant.Key, Limits.MaxChunkSize),
    };

    public static byte[] Payload(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static ChunkReference Reference(ChunkGrant grant, byte[] payload) =>
        new(grant.Volume, grant.Key, payload.Length, Crc32C.Compute(payload));

    /// <summary>Waits for a condition; fails when it does not come true.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, string what)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.That(TimeProvider.System.GetElapsedTime(start), Is.LessThan(Deadline), $"never: {what}");
            await Task.Delay(5);
        }
    }

    public async Task StartNodeAsync(int index, TransferServerOptions options)
    {
        var server = new TransferServer(
            Stores[index], VerifierOf(Stores[index].Node), options, TimeProvider.System, NullLogger.Instance);
        await server.StartAsync();
        _servers[index] = server;
        Nodes[index] = Nodes[index] with { TransferEndpoint = server.Endpoint };
    }

    public async Task StopNodeAsync(int index)
    {
        if (_servers[index] is { } server)
        {
            _servers[index] = null;
            await server.DisposeAsync();
        }
    }

    /// <summary>A grant through all nodes, or those given.</summary>
    public ChunkGrant Grant(params NodeAddress[] pipeline) => Signed(new ChunkGrant
    {
        Key = ChunkKey.Create(1, Interlocked.Increment(ref _lastKey)),
        Volume = Volume,
        Epoch = 3,
        Pipeline = pipeline.Length > 0 ? [.. pipeline] : [.. Nodes],
    });

    public Task<ChunkWriteResult> WriteAsync(ChunkGrant grant, byte[] payload, CancellationToken cancellationToken = default) =>
        Client.WriteAsync(grant, payload, Crc32C.Compute(payload), cancellationToken).AsTask().WaitAsync(Deadline);

    /// <summary>Reads from a node; what was read has the checksum that is told with it.</summary>
    public async Task<ChunkStatus> ReadAsync(int node, ChunkReference chunk, int offset, Memory<byte> destination)
    {
        ChunkReadResult read = await Client.ReadAsync(
            Nodes[node], chunk, ReadCapability(Nodes[node].Id), offset, destination, CancellationToken.None).AsTask().WaitAsync(Deadline);
        if (read.Status == ChunkStatus.Ok)
        {
            Assert.That(read.Crc32C, Is.EqualTo(Crc32C.Compute(destination.Span)), "the checksum that is told");
        }

        return read.Status;
    }

    /// <summary>Asks a node for a chunk that it does not have: the least that shows whether and how it answers.</summary>
    public static async Task<ChunkStatus> ReadAbsentAsync(TcpChunkTransport client, NodeAddress node) =>
        (await client.ReadAsync(
            node,
            new ChunkReference(Volume, ChunkKey.Create(2, 1), 10, 0),
            ReadCapability(node.Id),
            0,
            new byte[10],
            CancellationToken.None).AsTask().WaitAsync(Deadline)).Status;

    /// <summary>A bare connection to a node, past its hello.</summary>
    public async Task<FrameConnection> ConnectAsync(int node)
    {
        TransferEndpoint.TryParse(Nodes[node].TransferEndpoint, out TransferEndpoint endpoint);
        Socket socket = endpoint.CreateSocket();
        await socket.ConnectAsync(endpoint.Host, endpoint.Port);
        var connection = new FrameConnection(socket, Nodes[node].TransferEndpoint, TimeProvider.System);
        connection.Watch.Arm(Deadline);
        await connection.SendHelloAsync();
        await connection.ReceiveHelloAsync();
        return connection;
    }

    public async Task BuffersComeBackAsync()
    {
        foreach (FakeChunkStore store in Stores)
        {
            await EventuallyAsync(() => store.Buffers.BytesInUse == 0, "all buffers given back");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        for (int i = 0; i < _servers.Count; i++)
        {
            await StopNodeAsync(i);
        }

        await BuffersComeBackAsync();
        Stores.ForEach(store => store.Dispose());
    }
}
