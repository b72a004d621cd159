using BenchmarkDotNet.Attributes;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Benchmarks;

/// <summary>
/// One chunk over loopback to a transfer server that keeps nothing, beside bare sockets that do the same: send, receive,
/// checksum, acknowledge. No disk in it. The grant is signed once before: signing is the file server's work, checking it
/// the datanode's.
/// </summary>
public class TransferBenchmarks
{
    private byte[] _payload = [];
    private uint _checksum;
    private ChunkGrant? _grant;
    private DiscardingStore? _store;
    private TransferServer? _server;
    private TcpChunkTransport? _client;
    private RawExchange? _raw;

    /// <summary>Bytes of a chunk.</summary>
    [Params(4 << 10, 8 << 20)]
    public int Size { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _payload = new byte[Size];
        new Random(Size).NextBytes(_payload);
        _checksum = Crc32C.Compute(_payload);
        _store = new DiscardingStore();
        ClusterSecret secret = ClusterSecret.Create(new byte[ClusterSecret.KeyBytes]);
        var capabilities = new CapabilityOptions();
        _server = new TransferServer(
            _store,
            new CapabilityVerifier(secret.KeysOf(_store.Node), capabilities, TimeProvider.System),
            new TransferServerOptions(),
            TimeProvider.System,
            NullLogger.Instance);
        await _server.StartAsync();
        _grant = Grant(_store.Node, _server.Endpoint, new CapabilitySigner(secret, capabilities, TimeProvider.System));
        _client = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);
        _raw = new RawExchange(Size);
    }

    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        await _client!.DisposeAsync();
        await _server!.DisposeAsync();
        _store!.Dispose();
        _raw!.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Raw() => _raw!.Send(_payload);

    [Benchmark]
    public async Task BigFsAsync()
    {
        ChunkWriteResult result = await _client!.WriteAsync(_grant!, _payload, _checksum, CancellationToken.None);
        if (result.Status != ChunkStatus.Ok)
        {
            throw new InvalidOperationException($"The server said {result.Status}: {result.Detail}");
        }
    }

    private static ChunkGrant Grant(NodeId node, string endpoint, CapabilitySigner signer)
    {
        var grant = new ChunkGrant
        {
            Key = ChunkKey.Create(1, 1),
            Volume = new VolumeId(1),
            Epoch = 1,
            Pipeline = [new NodeAddress(node, endpoint)],
        };
        return grant with { Capability = signer.SignWrite(grant.Volume, grant.Epoch, [node], grant.Key, Limits.MaxChunkSize) };
    }
}
