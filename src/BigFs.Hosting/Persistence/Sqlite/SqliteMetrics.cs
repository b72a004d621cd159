using System.Diagnostics.Metrics;
using BigFs.Hosting.Telemetry;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>What one database's writer tells of itself (docs/telemetry.md), by "database".</summary>
internal sealed class SqliteMetrics : IDisposable
{
    private static readonly Histogram<double> Duration = BigFsTelemetry.Meter.CreateHistogram(
        "bigfs.sqlite.transaction.duration",
        "s",
        "Time of a transaction that wrote, its flush included.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets.Seconds });

    private static readonly Histogram<int> Operations = BigFsTelemetry.Meter.CreateHistogram(
        "bigfs.sqlite.transaction.operations",
        "{operation}",
        "Operations that shared a transaction, and its flush.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [.. Buckets.Batch.Select(bound => (int)bound)] });

    // Its instruments end with it.
    private readonly Meter _meter = new(BigFsTelemetry.Name);
    private readonly KeyValuePair<string, object?> _database;

    /// <summary>Begins to tell.</summary>
    /// <param name="database">Which database.</param>
    /// <param name="waiting">How many operations wait for a transaction now.</param>
    public SqliteMetrics(SqliteDatabase database, Func<int> waiting)
    {
        _database = new KeyValuePair<string, object?>("database", database.Name);
        _meter.CreateObservableGauge(
            "bigfs.sqlite.queue_depth",
            () => new Measurement<int>(waiting(), _database),
            "{operation}",
            "Operations that wait for a transaction.");
        if (!database.IsInMemory)
        {
            _meter.CreateObservableGauge(
                "bigfs.sqlite.wal_size", () => new Measurement<long>(database.WalBytes, _database), "By", "Size of the write-ahead log's file.");
        }
    }

    /// <summary>A transaction ended, whether it won or not.</summary>
    public void Ended(TimeSpan time, int operations)
    {
        Duration.Record(time.TotalSeconds, _database);
        Operations.Record(operations, _database);
    }

    /// <summary>Tells no more.</summary>
    public void Dispose() => _meter.Dispose();
}
