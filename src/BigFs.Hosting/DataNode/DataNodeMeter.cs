using BigFs.Core.Messaging;
using BigFs.Core.Storage;
using BigFs.Hosting.Diagnostics;

namespace BigFs.Hosting.DataNode;

/// <summary>Measures how a datanode fares, for its heartbeats. One user at a time.</summary>
internal sealed class DataNodeMeter(VolumeStore store, TimeProvider time)
{
    private readonly ProcessMeter _process = new(time);
    private readonly RateMeter _read = new(time);
    private readonly RateMeter _written = new(time);

    /// <summary>Measures; the first time rates are 0.</summary>
    public async ValueTask<DataNodeLoad> MeasureAsync()
    {
        IReadOnlyList<VolumeReport> volumes = store.Volumes;
        return new DataNodeLoad
        {
            Process = _process.Measure(),
            DiskFreeBytes = await store.GetFreeBytesAsync(),
            ReadBytesPerSecond = (long)_read.PerSecond(store.Traffic.BytesRead),
            WrittenBytesPerSecond = (long)_written.PerSecond(store.Traffic.BytesWritten),
            Volumes = volumes.Count,
            OpenVolumes = volumes.Count(volume => volume.State == ReplicaState.Open),
            QueuedAppends = store.Traffic.QueuedAppends,
        };
    }
}
