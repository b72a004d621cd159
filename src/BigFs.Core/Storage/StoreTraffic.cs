namespace BigFs.Core.Storage;

/// <summary>What goes in and out of a store, counted since its start. Thread-safe.</summary>
public sealed class StoreTraffic
{
    private long _read;
    private long _written;
    private int _queued;

    /// <summary>Bytes of chunks read for clients and peers.</summary>
    public long BytesRead => Interlocked.Read(ref _read);

    /// <summary>Bytes of chunks appended and flushed.</summary>
    public long BytesWritten => Interlocked.Read(ref _written);

    /// <summary>Appends that have begun and are not flushed yet.</summary>
    public int QueuedAppends => Volatile.Read(ref _queued);

    /// <summary>Bytes of a chunk were read.</summary>
    public void Read(long bytes) => Interlocked.Add(ref _read, bytes);

    internal void BeginAppend() => Interlocked.Increment(ref _queued);

    internal void EndAppend(long written)
    {
        Interlocked.Decrement(ref _queued);
        Interlocked.Add(ref _written, written);
    }
}
