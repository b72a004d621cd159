using BenchmarkDotNet.Attributes;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Benchmarks;

/// <summary>
/// One chunk over loopback to a transfer server that keeps nothing, beside bare sockets that do the same: send, receive,
/// checksum, acknowledge. No disk in it.
/// </summary>
public class TransferBenchmarks
{
    private byte[] _payload = [];
    private uint _checksum;
    private long _key;
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
        _server = new TransferServer(_store, new TransferServerOptions(), TimeProvider.System, NullLogger.Instance);
        await _server.StartAsync();
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
        var grant = new ChunkGrant
        {
            Key = ChunkKey.Create(1, ++_key),
            Volume = new VolumeId(1),
            Epoch = 1,
            Pipeline = [new NodeAddress(_store!.Node, _server!.Endpoint)],
        };
        ChunkWriteResult result = await _client!.WriteAsync(grant, _payload, _checksum, CancellationToken.None);
        if (result.Status != ChunkStatus.Ok)
        {
            throw new InvalidOperationException($"The server said {result.Status}: {result.Detail}");
        }
    }
}
