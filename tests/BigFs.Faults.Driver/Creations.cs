using BigFs.Core.Storage;

namespace BigFs.Faults.Driver;

/// <summary>Makes volumes one after the other and writes nothing into them: their names are all there is to lose.</summary>
internal static class Creations
{
    public static async Task RunAsync(string directory, int count)
    {
        var output = new LineWriter();
        using IDisk disk = new PosixDisk();
        VolumeStore store = await Stores.OpenAsync(directory, disk);
        for (int i = 0; i < count; i++)
        {
            var line = new Line(false, Act.Order, store.Volumes.Count + 1, 1, ReplicaState.Open);
            output.Write(line);
            VolumeOrder order = Stores.Order(store, line.Volume, 1, 1);
            if (await store.OpenVolumeAsync(order, CancellationToken.None) == ChunkStatus.Ok)
            {
                output.Write(line with { IsAcknowledged = true });
            }
        }

        await store.DisposeAsync();
        output.Write(Line.Done);
    }
}
