using BenchmarkDotNet.Attributes;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Benchmarks;

/// <summary>
/// One flushed append to a volume beside the bare calls: pwrite with O_DIRECT into reserved space, then fdatasync. Both
/// copy the payload into page-aligned memory first, which stands for receiving it. Linux only. The folder is the one of
/// temporary files; set TMPDIR to measure another disk.
/// </summary>
public class AppendBenchmarks
{
    private static readonly VolumeId Volume = new(1);

    private string _folder = "";
    private byte[] _payload = [];
    private uint _checksum;
    private long _key;
    private PosixDisk? _disk;
    private VolumeStore? _store;
    private RawLog? _raw;

    /// <summary>Bytes of a chunk.</summary>
    [Params(4 << 10, 8 << 20)]
    public int Size { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _folder = Directory.CreateTempSubdirectory("bigfs-benchmarks-").FullName;
        _payload = new byte[Size];
        new Random(Size).NextBytes(_payload);
        _checksum = Crc32C.Compute(_payload);
        _disk = new PosixDisk();
        var options = new VolumeStoreOptions
        {
            DataDirectory = Path.Combine(_folder, "store"),
            VolumeSizeBytes = 1L << 40,
        };
        _store = await VolumeStore.OpenAsync(options, _disk, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        var order = new VolumeOrder { Term = 1, Volume = Volume, Epoch = 1, Members = [_store.Node] };
        Expect(await _store.OpenVolumeAsync(order, CancellationToken.None));
        _raw = new RawLog(Path.Combine(_folder, "raw"), Size);
    }

    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        await _store!.DisposeAsync();
        _disk!.Dispose();
        _raw!.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark(Baseline = true)]
    public void Raw() => _raw!.Append(_payload);

    [Benchmark]
    public async Task BigFsAsync()
    {
        ChunkBuffer buffer = await _store!.Buffers.RentAsync(Size, CancellationToken.None);
        _payload.CopyTo(buffer.Payload);
        var request = new ChunkAppend(Volume, 1, [_store.Node], ChunkKey.Create(1, ++_key), Size, _checksum);
        Expect(await _store.AppendAsync(request, buffer, CancellationToken.None));
    }

    private static void Expect(ChunkStatus status)
    {
        if (status != ChunkStatus.Ok)
        {
            throw new InvalidOperationException($"The store said {status}.");
        }
    }
}
