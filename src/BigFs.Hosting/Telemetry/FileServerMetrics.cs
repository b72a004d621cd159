using System.Diagnostics.Metrics;

namespace BigFs.Hosting.Telemetry;

/// <summary>What the file servers of this process count (docs/telemetry.md).</summary>
internal static class FileServerMetrics
{
    private static readonly Counter<long> CacheReads = BigFsTelemetry.Meter.CreateCounter<long>(
        "bigfs.file_server.cache_reads", "{read}", "Reads that the cache of entries and manifests was asked for, by \"outcome\".");

    /// <summary>The cache answered, or did not.</summary>
    public static void CacheAnswered(CacheOutcome outcome) =>
        CacheReads.Add(1, new KeyValuePair<string, object?>("outcome", outcome.ToString()));
}
