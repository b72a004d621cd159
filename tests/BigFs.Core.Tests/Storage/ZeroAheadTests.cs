using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

[TestFixture]
public sealed class ZeroAheadTests
{
    private const int Small = 4096;
    private const int Large = 512 << 10;

    private MemoryDisk _memory = null!;
    private ZeroingDisk _disk = null!;

    [SetUp]
    public void Make() => _disk = new ZeroingDisk(_memory = new MemoryDisk());

    [TearDown]
    public void Drop()
    {
        _disk.Dispose();
        _memory.Dispose();
    }

    [Test]
    public async Task Small_chunks_are_written_into_zeros_and_none_is_overwritten_by_them()
    {
        int[] lengths = [.. Enumerable.Range(0, 400).Select(i => i % 90 == 89 ? Large : Small + i)];
        await WriteAsync(lengths);

        Assert.That(_disk.Zeros, Has.Count.GreaterThan(3));
        foreach ((long offset, int length, long written, long fileLength) in _disk.Zeros)
        {
            Assert.That(offset, Is.GreaterThanOrEqualTo(written), "behind every record");
            Assert.That(offset + length, Is.LessThanOrEqualTo(fileLength), "only space that is there");
        }

        // What was acknowledged is there after a power cut, too.
        _memory.Crash();
        await using VolumeStore again = await StoreKit.OpenAsync(_disk);
        for (int i = 0; i < lengths.Length; i++)
        {
            Assert.That((await again.ReadAsync(1, (ulong)i + 1)).Bytes, Same.As(StoreKit.Bytes(lengths[i], i)));
        }
    }

    [Test]
    public async Task Large_chunks_are_not_written_twice()
    {
        await WriteAsync([.. Enumerable.Repeat(Large, 12)]);

        Assert.That(_disk.Zeros, Is.Empty);
    }

    [Test]
    public async Task A_few_small_chunks_among_large_ones_get_no_zeros()
    {
        await WriteAsync([.. Enumerable.Range(0, 24).Select(i => i % 4 == 0 ? Large : Small)]);

        Assert.That(_disk.Zeros, Is.Empty);
    }

    /// <summary>Appends chunks one after the other, keys from 1, and leaves the store as a crash would.</summary>
    private async Task WriteAsync(int[] lengths)
    {
        VolumeStore store = await StoreKit.OpenAsync(_disk);
        await store.OpenVolumeAsync(1);
        for (int i = 0; i < lengths.Length; i++)
        {
            Assert.That(
                await store.AppendAsync(1, 1, (ulong)i + 1, StoreKit.Bytes(lengths[i], i)), Is.EqualTo(ChunkStatus.Ok));
        }
    }
}
