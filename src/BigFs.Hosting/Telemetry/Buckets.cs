namespace BigFs.Hosting.Telemetry;

/// <summary>Bounds of histograms.</summary>
internal static class Buckets
{
    /// <summary>From a fast read to the longest operation time-out.</summary>
    public static IReadOnlyList<double> Seconds { get; } =
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

    /// <summary>Operations of a transaction.</summary>
    public static IReadOnlyList<double> Batch { get; } = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
}
