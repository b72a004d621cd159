using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Faults.Driver;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Faults.Tests;

/// <summary>A store on a small file system that really runs full.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class FullDiskScenario
{
    private const int ChunkLength = 200_000;

    [Test]
    public async Task A_full_disk_refuses_chunks_still_reads_and_deletes_and_takes_chunks_again_when_there_is_room()
    {
        ScenarioLevel.Require();
        LoopMount.Require();
        using var mount = new LoopMount(mebibytes: 48);
        string data = Path.Combine(mount.Path, "data");
        using IDisk disk = new PosixDisk();
        VolumeStore store = await OpenAsync(data, disk);
        Assert.That(await OrderAsync(store), Is.EqualTo(ChunkStatus.Ok));
        ulong stored = 0;
        while (await AppendAsync(store, stored + 1) == ChunkStatus.Ok)
        {
            stored++;
        }

        Assert.That(stored, Is.GreaterThan(50UL));
        Assert.That(await AppendAsync(store, 1000), Is.EqualTo(ChunkStatus.OutOfSpace));
        Assert.That(await DeleteAsync(store, 1), Is.EqualTo(ChunkStatus.Ok), "marks use the reserve");

        // Somebody else takes the reserve too: now nothing is left at all.
        string ballast = Path.Combine(mount.Path, "ballast");
        Fill(ballast);
        ulong marks = 2;
        ChunkStatus status = ChunkStatus.Ok;
        while (marks < 30 && status == ChunkStatus.Ok)
        {
            status = await DeleteAsync(store, marks++);
        }

        Assert.That(status, Is.EqualTo(ChunkStatus.OutOfSpace).Or.EqualTo(ChunkStatus.Ok), "refused, or room was prepared");
        Assert.That(store.Volumes.Single().State, Is.EqualTo(ReplicaState.Open), "full is not failed");
        await ExpectAsync(store, 31, stored);

        File.Delete(ballast);
        Assert.That(await DeleteAsync(store, 30), Is.EqualTo(ChunkStatus.Ok));
        await store.DisposeAsync();

        VolumeStore roomy = await OpenAsync(data, disk, reserved: 0);
        Assert.That(await AppendAsync(roomy, 2000), Is.EqualTo(ChunkStatus.Ok), "there is room again");
        await ExpectAsync(roomy, 31, stored);
        await roomy.DisposeAsync();
    }

    [Test]
    public async Task A_full_disk_deletes_and_compacts_and_takes_chunks_again_in_the_room_that_this_made()
    {
        ScenarioLevel.Require();
        LoopMount.Require();
        using var mount = new LoopMount(mebibytes: 48);
        using IDisk disk = new PosixDisk();
        VolumeStore store = await OpenAsync(Path.Combine(mount.Path, "data"), disk, volumeSize: 4 << 20);
        var stored = new List<(long Volume, ulong Key)>();
        long volume = 1;
        ulong key = 0;
        ChunkStatus status = await OrderAsync(store, volume);
        while (status is ChunkStatus.Ok)
        {
            status = await AppendAsync(store, ++key, volume);
            if (status == ChunkStatus.Ok)
            {
                stored.Add((volume, key));
            }
            else if (status == ChunkStatus.VolumeFull)
            {
                await store.FenceAsync(Stores.Order(store, volume, 2, 1), CancellationToken.None);
                await store.SealAsync(Stores.Order(store, volume, 2, 1), CancellationToken.None);
                status = await OrderAsync(store, ++volume);
            }
        }

        Assert.That(status, Is.EqualTo(ChunkStatus.OutOfSpace));
        Assert.That(stored.Select(chunk => chunk.Volume).Distinct().Count(), Is.GreaterThan(5));

        // Nine of ten chunks of the sealed volumes go; the marks for that find room although chunks do not.
        List<(long Volume, ulong Key)> doomed = stored.FindAll(chunk => chunk.Volume < volume && chunk.Key % 10 != 0);
        foreach ((long from, ulong gone) in doomed)
        {
            Assert.That(await DeleteAsync(store, gone, from), Is.EqualTo(ChunkStatus.Ok), $"chunk {gone}");
        }

        foreach (long ended in stored.Select(chunk => chunk.Volume).Distinct().Where(one => one < volume))
        {
            Assert.That(
                await store.CompactAsync(new VolumeId(ended), CancellationToken.None), Is.EqualTo(ChunkStatus.Ok), $"volume {ended}");
        }

        Assert.That(await OrderAsync(store, ++volume), Is.EqualTo(ChunkStatus.Ok), "there is room again");
        for (int i = 0; i < 10; i++)
        {
            Assert.That(await AppendAsync(store, ++key, volume), Is.EqualTo(ChunkStatus.Ok), "there is room again");
            stored.Add((volume, key));
        }

        foreach ((long from, ulong there) in stored.Except(doomed))
        {
            await ExpectAsync(store, there, there, from);
        }

        await store.DisposeAsync();
    }

    private static Task<VolumeStore> OpenAsync(
        string data, IDisk disk, long reserved = 8 << 20, long volumeSize = 1L << 30) => VolumeStore.OpenAsync(
        Stores.Options(data) with { VolumeSizeBytes = volumeSize, ReservedBytes = reserved },
        disk,
        TimeProvider.System,
        NullLogger.Instance,
        CancellationToken.None);

    private static ValueTask<ChunkStatus> OrderAsync(VolumeStore store, long volume = 1) =>
        store.OpenVolumeAsync(Stores.Order(store, volume, 1, 1), CancellationToken.None);

    private static async Task<ChunkStatus> AppendAsync(VolumeStore store, ulong key, long volume = 1)
    {
        byte[] bytes = Content(key);
        ChunkBuffer buffer = await store.Buffers.RentAsync(bytes.Length, CancellationToken.None);
        bytes.CopyTo(buffer.Payload);
        var request = new ChunkAppend(
            new VolumeId(volume),
            1,
            Stores.Order(store, volume, 1, 1).Members,
            new ChunkKey(key),
            bytes.Length,
            Crc32C.Compute(bytes));
        return await store.AppendAsync(request, buffer, CancellationToken.None);
    }

    private static ValueTask<ChunkStatus> DeleteAsync(VolumeStore store, ulong key, long volume = 1) =>
        store.DeleteAsync(new VolumeId(volume), [new ChunkKey(key)], CancellationToken.None);

    /// <summary>The chunks from one key to another read as they were written.</summary>
    private static async Task ExpectAsync(VolumeStore store, ulong first, ulong last, long volume = 1)
    {
        for (ulong key = first; key <= last; key++)
        {
            (ChunkStatus status, StoredChunk? chunk) =
                await store.OpenAsync(new VolumeId(volume), new ChunkKey(key), CancellationToken.None);
            Assert.That(status, Is.EqualTo(ChunkStatus.Ok), $"chunk {key}");
            await using (chunk)
            {
                var bytes = new byte[chunk!.Length];
                Assert.That(await chunk.ReadAsync(0, bytes, CancellationToken.None), Is.EqualTo(ChunkStatus.Ok));
                Assert.That(bytes.AsSpan().SequenceEqual(Content(key)), $"chunk {key}");
            }
        }
    }

    private static void Fill(string path)
    {
        var block = new byte[64 << 10];
        using FileStream file = File.Create(path, bufferSize: 1);
        try
        {
            while (true)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // Full: what was wanted.
        }
    }

    private static byte[] Content(ulong key)
    {
        var bytes = new byte[ChunkLength];
        new Random((int)key).NextBytes(bytes);
        return bytes;
    }
}
