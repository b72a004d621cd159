using System.Numerics;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using BigFs.Core.Chunking;

namespace BigFs.Benchmarks;

/// <summary>CRC-32C beside a copy of the same bytes and beside the processor's instruction in a plain loop.</summary>
public class ChecksumBenchmarks
{
    private byte[] _bytes = [];
    private byte[] _copy = [];

    /// <summary>Bytes at once: a block, a chunk.</summary>
    [Params(4 << 10, 64 << 10, 8 << 20)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _bytes = new byte[Size];
        _copy = new byte[Size];
        new Random(Size).NextBytes(_bytes);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => _bytes.AsSpan().CopyTo(_copy);

    [Benchmark]
    public uint PlainLoop()
    {
        uint state = ~0u;
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(_bytes.AsSpan()))
        {
            state = BitOperations.Crc32C(state, word);
        }

        return ~state;
    }

    [Benchmark]
    public uint BigFs() => Crc32C.Compute(_bytes);
}
