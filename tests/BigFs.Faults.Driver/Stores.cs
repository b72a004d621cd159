using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Faults.Driver;

/// <summary>How the driver and who checks it open a store.</summary>
internal static class Stores
{
    public static readonly Guid Cluster = new("cccccccc-0000-0000-0000-000000000001");

    private static readonly NodeId Peer = new(new Guid("aaaaaaaa-0000-0000-0000-000000000001"));

    public static VolumeStoreOptions Options(string directory) => new()
    {
        DataDirectory = directory,
        VolumeSizeBytes = 4 << 20,
        PreparedBytesPerNode = 4 << 20,
        BufferBytes = 80 << 20,
        ReservedBytes = 4 << 20,
    };

    public static async Task<VolumeStore> OpenAsync(string directory, IDisk disk)
    {
        VolumeStore store = await VolumeStore.OpenAsync(
            Options(directory), disk, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        await store.AdoptClusterAsync(Cluster);
        return store;
    }

    public static VolumeOrder Order(VolumeStore store, long volume, long epoch, long term) => new()
    {
        Term = term,
        Volume = new VolumeId(volume),
        Epoch = epoch,
        Members = [.. new[] { store.Node, Peer }.Order()],
    };
}
