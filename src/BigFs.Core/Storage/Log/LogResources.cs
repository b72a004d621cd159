using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>What the logs of one node share: prepared space, memory to gather small records, the disk's room. Thread-safe.</summary>
internal sealed class LogResources : IDisposable
{
    private readonly IDisk _disk;
    private readonly VolumeStoreOptions _options;
    private long _preparedLeft;

    public LogResources(IDisk disk, VolumeStoreOptions options, TimeProvider time)
    {
        Time = time;
        _disk = disk;
        _options = options;
        _preparedLeft = options.PreparedBytesPerNode;
        Gather = new ChunkBufferPool(ChunkBuffer.CapacityFor(Limits.MaxChunkSize));
    }

    /// <summary>The clock of what is measured.</summary>
    public TimeProvider Time { get; }

    /// <summary>Memory for gathered batches, rented while one is written.</summary>
    public ChunkBufferPool Gather { get; }

    /// <summary>Takes prepared space off the budget: whole pages, at most what is wanted and left.</summary>
    public long TakePrepared(long wanted)
    {
        while (true)
        {
            long left = Interlocked.Read(ref _preparedLeft);
            long taken = Math.Min(wanted, left) / LogFormat.PageSize * LogFormat.PageSize;
            if (Interlocked.CompareExchange(ref _preparedLeft, left - taken, left) == left)
            {
                return taken;
            }
        }
    }

    /// <summary>Gives prepared space back to the budget.</summary>
    public void GiveBackPrepared(long bytes) => Interlocked.Add(ref _preparedLeft, bytes);

    /// <summary>Whether the disk keeps its reserve when a log of chunks grows by so many bytes.</summary>
    public async ValueTask<bool> HasRoomAsync(long bytes) =>
        await _disk.GetFreeBytesAsync(_options.DataDirectory) - bytes >= _options.ReservedBytes;

    public void Dispose() => Gather.Dispose();
}
