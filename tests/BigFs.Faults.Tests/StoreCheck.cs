using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Faults.Driver;

namespace BigFs.Faults.Tests;

/// <summary>
/// Opens a folder whose owner died, by the product's own code in this process, and compares it with what the oracle knows.
/// What is wrong comes back as sentences, so that a canary can be asked for them.
/// </summary>
internal sealed class StoreCheck
{
    private readonly string _directory;
    private readonly Oracle _oracle;
    private readonly List<string> _findings = [];

    private StoreCheck(string directory, Oracle oracle)
    {
        _directory = directory;
        _oracle = oracle;
    }

    /// <summary>Looks twice: the second opening must find what the first one left.</summary>
    public static async Task<IReadOnlyList<string>> RunAsync(string directory, Oracle oracle)
    {
        var check = new StoreCheck(directory, oracle);
        try
        {
            using IDisk disk = new PosixDisk();
            await check.OpenAsync(disk, isClean: false);
            await check.OpenAsync(disk, isClean: true);
        }
        catch (BigFsException exception)
        {
            check._findings.Add($"the store does not open: {exception.Message}");
        }

        return check._findings;
    }

    private async Task OpenAsync(IDisk disk, bool isClean)
    {
        VolumeStore store = await Stores.OpenAsync(_directory, disk);
        Check(!isClean || store.Identity.CleanStart, "the clean stop was not noted");
        CheckVolumes(store);
        await CheckChunksAsync(store);
        foreach (VolumeReport volume in store.Volumes)
        {
            await CheckListAsync(store, volume.Volume);
        }

        IReadOnlyList<VolumeReport> volumes = store.Volumes;
        await store.DisposeAsync();
        CheckFiles(volumes);
    }

    private void CheckVolumes(VolumeStore store)
    {
        foreach (long volume in _oracle.MustExist)
        {
            Check(store.Volumes.Any(one => one.Volume.Value == volume), $"volume {volume} is lost");
        }

        foreach (VolumeReport volume in store.Volumes)
        {
            Check(_oracle.MayBe(volume), $"volume {volume.Volume} is {volume.State} in epoch {volume.Epoch}");
        }
    }

    private async Task CheckChunksAsync(VolumeStore store)
    {
        foreach ((long volume, ulong key) in _oracle.MustLive)
        {
            (ChunkStatus status, byte[]? bytes) = await ReadAsync(store, volume, key);
            Check(status == ChunkStatus.Ok, $"acknowledged chunk {key} of volume {volume}: {status}");
            Check(bytes is null || bytes.AsSpan().SequenceEqual(ChunkContent.Of(key)), $"chunk {key} has wrong bytes");
        }

        foreach ((long volume, ulong key) in _oracle.MustBeDeleted)
        {
            ChunkStatus status = (await ReadAsync(store, volume, key)).Status;
            Check(status is ChunkStatus.ChunkDeleted or ChunkStatus.ChunkNotFound, $"deleted chunk {key}: {status}");
        }
    }

    private async Task CheckListAsync(VolumeStore store, VolumeId volume)
    {
        ImmutableArray<StoredChunkInfo> chunks =
            (await store.ListChunksAsync(volume, default, int.MaxValue, CancellationToken.None)).Chunks;
        foreach (StoredChunkInfo chunk in chunks.Where(chunk => !chunk.Deleted))
        {
            byte[] content = ChunkContent.Of(chunk.Key.Value);
            Check(_oracle.WasTried(volume.Value, chunk.Key.Value), $"chunk {chunk.Key} was never written");
            Check(
                chunk.Length == content.Length && chunk.Crc32C == Crc32C.Compute(content),
                $"chunk {chunk.Key} is listed with another checksum");
            ChunkStatus status = await store.VerifyAsync(volume, chunk.Key, CancellationToken.None);
            Check(status == ChunkStatus.Ok, $"chunk {chunk.Key} of volume {volume}: {status}");
        }
    }

    /// <summary>After a clean stop: the volumes' own files, nothing unfinished, no space beyond what is in use.</summary>
    private void CheckFiles(IReadOnlyList<VolumeReport> volumes)
    {
        foreach (string path in Directory.EnumerateFiles(_directory, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(_directory, path);
            Check(IsExpected(name, volumes), $"the file {name} is left over");
        }

        foreach (VolumeReport volume in volumes)
        {
            long length = new FileInfo(Path.Combine(_directory, "volumes", $"{volume.Volume}.log")).Length;
            Check(length == volume.Bytes, $"volume {volume.Volume} uses {volume.Bytes} of {length} bytes");
        }
    }

    private static bool IsExpected(string name, IReadOnlyList<VolumeReport> volumes) =>
        name is "lock" or "identity" || volumes.Any(volume => name == Path.Combine("volumes", $"{volume.Volume}.log"));

    private static async Task<(ChunkStatus Status, byte[]? Bytes)> ReadAsync(VolumeStore store, long volume, ulong key)
    {
        (ChunkStatus status, StoredChunk? found) =
            await store.OpenAsync(new VolumeId(volume), new ChunkKey(key), CancellationToken.None);
        if (found is null)
        {
            return (status, null);
        }

        await using StoredChunk chunk = found;
        var bytes = new byte[chunk.Length];
        return (await chunk.ReadAsync(0, bytes, CancellationToken.None), bytes);
    }

    private void Check(bool holds, string finding)
    {
        if (!holds)
        {
            _findings.Add(finding);
        }
    }
}
