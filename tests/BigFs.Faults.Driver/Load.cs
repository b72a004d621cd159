using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Threading;

namespace BigFs.Faults.Driver;

/// <summary>
/// A seeded load on a store: several workers append and delete, the first of them also makes, seals, reopens and compacts
/// volumes.
/// </summary>
/// <param name="directory">The store's folder.</param>
/// <param name="seed">Of the choices; how the workers interleave is the machine's.</param>
/// <param name="run">Counts the runs on the folder: keys and terms begin from it.</param>
/// <param name="operations">How many each worker does.</param>
internal sealed class Load(string directory, int seed, long run, int operations)
{
    private const int Workers = 4;
    private const int MostOpen = 3;
    private const int BurstLength = 6;

    private readonly LineWriter _output = new();

    public async Task RunAsync()
    {
        using IDisk disk = new PosixDisk();
        VolumeStore store = await Stores.OpenAsync(directory, disk);
        await PrepareAsync(store);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(store, worker))));
        await store.DisposeAsync();
        _output.Write(Line.Done);
    }

    private static List<VolumeReport> Open(VolumeStore store) =>
        [.. store.Volumes.Where(volume => volume.State == ReplicaState.Open)];

    private async Task WorkAsync(VolumeStore store, int worker)
    {
        var random = new Random(seed + (31 * (int)run) + worker);
        var mine = new List<(long Volume, ulong Key)>();
        ulong next = ((ulong)run << 32) | ((ulong)worker << 28);
        for (int i = 0; i < operations; i++)
        {
            int dice = random.Next(100);
            List<VolumeReport> open = Open(store);
            if (worker == 0 && (dice < 30 || open.Count == 0))
            {
                await ChangeAsync(store, random, open);
            }
            else if (dice < 50 && mine.Count > 0)
            {
                (long volume, ulong key) = mine[random.Next(mine.Count)];
                mine.Remove((volume, key));
                await DeleteAsync(store, volume, key);
            }
            else if (open.Count > 0)
            {
                VolumeReport volume = open[random.Next(open.Count)];
                ulong[] keys = [.. Enumerable.Range(0, random.Next(1, BurstLength + 1)).Select(_ => ++next)];
                ChunkStatus[] outcomes = await Task.WhenAll(keys.Select(key => AppendAsync(store, volume, key)));
                mine.AddRange(keys.Where((_, at) => outcomes[at] == ChunkStatus.Ok).Select(key => (volume.Volume.Value, key)));
                if (worker == 0 && outcomes.Contains(ChunkStatus.VolumeFull))
                {
                    await EndAsync(store, volume);
                }
            }
        }
    }

    /// <summary>Makes a volume, or ends one, or ends one and opens it again, or compacts one that has ended.</summary>
    private async Task ChangeAsync(VolumeStore store, Random random, List<VolumeReport> open)
    {
        if (open.Count < MostOpen)
        {
            await OrderAsync(store.Volumes.Count + 1, 1, ReplicaState.Open, store, store.OpenVolumeAsync);
            return;
        }

        VolumeReport[] ended = [.. store.Volumes.Where(one => one.State == ReplicaState.Sealed)];
        if (ended.Length > 0 && random.Next(2) == 0)
        {
            // Nobody is told anything by it: what was acknowledged before must be there, whatever becomes of it.
            await store.CompactAsync(ended[random.Next(ended.Length)].Volume, CancellationToken.None);
            return;
        }

        VolumeReport volume = open[random.Next(open.Count)];
        await EndAsync(store, volume);
        if (random.Next(2) == 0)
        {
            await OrderAsync(volume.Volume.Value, volume.Epoch + 2, ReplicaState.Open, store, store.OpenVolumeAsync);
        }
    }

    private async Task EndAsync(VolumeStore store, VolumeReport volume)
    {
        await OrderAsync(volume.Volume.Value, volume.Epoch + 1, ReplicaState.Fenced, store, store.FenceAsync);
        await OrderAsync(volume.Volume.Value, volume.Epoch + 1, ReplicaState.Sealed, store, store.SealAsync);
    }

    /// <summary>Ends what an earlier run left half done, and sees that there is a volume to write to.</summary>
    private async Task PrepareAsync(VolumeStore store)
    {
        foreach (VolumeReport volume in store.Volumes.Where(volume => volume.State == ReplicaState.Fenced))
        {
            await OrderAsync(volume.Volume.Value, volume.Epoch, ReplicaState.Sealed, store, store.SealAsync);
        }

        if (Open(store).Count == 0)
        {
            await OrderAsync(store.Volumes.Count + 1, 1, ReplicaState.Open, store, store.OpenVolumeAsync);
        }
    }

    private async Task OrderAsync(
        long volume,
        long epoch,
        ReplicaState state,
        VolumeStore store,
        Func<VolumeOrder, CancellationToken, ValueTask<ChunkStatus>> order)
    {
        var line = new Line(false, Act.Order, volume, (ulong)epoch, state);
        _output.Write(line);
        if (await order(Stores.Order(store, volume, epoch, run), CancellationToken.None) == ChunkStatus.Ok)
        {
            _output.Write(line with { IsAcknowledged = true });
        }
    }

    private async Task<ChunkStatus> AppendAsync(VolumeStore store, VolumeReport volume, ulong key)
    {
        byte[] bytes = ChunkContent.Of(key);
        var line = new Line(false, Act.Append, volume.Volume.Value, key, ReplicaState.Open);
        _output.Write(line);
        ChunkBuffer buffer = await store.Buffers.RentAsync(bytes.Length, CancellationToken.None);
        bytes.CopyTo(buffer.Payload);
        VolumeOrder order = Stores.Order(store, volume.Volume.Value, volume.Epoch, run);
        var append = new ChunkAppend(
            volume.Volume, volume.Epoch, order.Members, new ChunkKey(key), bytes.Length, Crc32C.Compute(bytes));

        // As a datanode does: the connection of a large chunk lends its thread.
        ValueTask<ChunkStatus> written = default;
        void Begin() => written = store.AppendAsync(append, buffer, CancellationToken.None);
        if (bytes.Length >= LogFormat.LargeChunk)
        {
            BlockingThreads.RunHere(Begin);
        }
        else
        {
            Begin();
        }

        ChunkStatus status = await written;
        if (status == ChunkStatus.Ok)
        {
            _output.Write(line with { IsAcknowledged = true });
        }

        return status;
    }

    private async Task DeleteAsync(VolumeStore store, long volume, ulong key)
    {
        var line = new Line(false, Act.Delete, volume, key, ReplicaState.Open);
        _output.Write(line);
        if (await store.DeleteAsync(new VolumeId(volume), [new ChunkKey(key)], CancellationToken.None) == ChunkStatus.Ok)
        {
            _output.Write(line with { IsAcknowledged = true });
        }
    }
}
