using System.Diagnostics.Metrics;

namespace BigFs.Core.Storage;

/// <summary>What the volume logs of the process count.</summary>
internal static class StorageMetrics
{
    private static readonly Meter Meter = new("BigFs");

    private static readonly Histogram<double> FlushDuration =
        Meter.CreateHistogram(
            "bigfs.log.flush.duration",
            "s",
            "Time from handing a group to the disk to the end of its flush.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5] });

    private static readonly Counter<long> FlushedBytes =
        Meter.CreateCounter<long>("bigfs.log.flushed", "By", "Bytes written to volume logs and flushed.");

    private static readonly UpDownCounter<long> Waiting =
        Meter.CreateUpDownCounter<long>("bigfs.log.queue", "{entry}", "Entries that wait to be written.");

    private static readonly Counter<long> Chunks =
        Meter.CreateCounter<long>("bigfs.chunks", "{chunk}", "Chunks written and opened for reading, by \"operation\" and \"status\".");

    private static readonly Counter<long> ChunkBytes =
        Meter.CreateCounter<long>("bigfs.chunk.bytes", "By", "Bytes of chunks written and opened for reading, by \"operation\".");

    /// <summary>A group is on the disk.</summary>
    public static void Flushed(TimeSpan duration, long bytes)
    {
        FlushDuration.Record(duration.TotalSeconds);
        FlushedBytes.Add(bytes);
    }

    /// <summary>Entries began, or ended, to wait.</summary>
    public static void Queued(int entries) => Waiting.Add(entries);

    /// <summary>Counts a chunk when its writing has ended; as cheap as not to when nobody listens.</summary>
    public static ValueTask<ChunkStatus> WrittenAsync(int bytes, ValueTask<ChunkStatus> append)
    {
        return Chunks.Enabled ? CountAsync() : append;

        async ValueTask<ChunkStatus> CountAsync()
        {
            ChunkStatus status = await append;
            Count("write", status, bytes);
            return status;
        }
    }

    /// <summary>A chunk was opened to be read, or not.</summary>
    public static void Opened(ChunkStatus status, int bytes) => Count("read", status, bytes);

    private static void Count(string operation, ChunkStatus status, int bytes)
    {
        var tag = new KeyValuePair<string, object?>("operation", operation);
        Chunks.Add(1, tag, new("status", status.ToString()));
        if (status == ChunkStatus.Ok)
        {
            ChunkBytes.Add(bytes, tag);
        }
    }
}
