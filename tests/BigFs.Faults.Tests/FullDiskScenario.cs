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
        await ExpectAsync(store, stored);

        File.Delete(ballast);
        Assert.That(await DeleteAsync(store, 30), Is.EqualTo(ChunkStatus.Ok));
        await store.DisposeAsync();

        VolumeStore roomy = await OpenAsync(data, disk, reserved: 0);
        Assert.That(await AppendAsync(roomy, 2000), Is.EqualTo(ChunkStatus.Ok), "there is room again");
        await ExpectAsync(roomy, stored);
        await roomy.DisposeAsync();
    }

    private static Task<VolumeStore> OpenAsync(string data, IDisk disk, long reserved = 4 << 20) => VolumeStore.OpenAsync(
        Stores.Options(data) with { VolumeSizeBytes = 1L << 30, ReservedBytes = reserved },
        disk,
        TimeProvider.System,
        NullLogger.Instance,
        CancellationToken.None);

    private static ValueTask<ChunkStatus> OrderAsync(VolumeStore store) =>
        store.OpenVolumeAsync(Stores.Order(store, 1, 1, 1), CancellationToken.None);

    private static async Task<ChunkStatus> AppendAsync(VolumeStore store, ulong key)
    {
        byte[] bytes = Content(key);
        ChunkBuffer buffer = await store.Buffers.RentAsync(bytes.Length, CancellationToken.None);
        bytes.CopyTo(buffer.Payload);
        var request = new ChunkAppend(
            new VolumeId(1), 1, Stores.Order(store, 1, 1, 1).Members, new ChunkKey(key), bytes.Length, Crc32C.Compute(bytes));
        return await store.AppendAsync(request, buffer, CancellationToken.None);
    }

    private static ValueTask<ChunkStatus> DeleteAsync(VolumeStore store, ulong key) =>
        store.DeleteAsync(new VolumeId(1), [new ChunkKey(key)], CancellationToken.None);

    /// <summary>Whatever was stored and not deleted reads as it was written.</summary>
    private static async Task ExpectAsync(VolumeStore store, ulong stored)
    {
        for (ulong key = 31; key <= stored; key++)
        {
            (ChunkStatus status, StoredChunk? chunk) =
                await store.OpenAsync(new VolumeId(1), new ChunkKey(key), CancellationToken.None);
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
