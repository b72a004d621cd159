namespace BigFs.Cli.Bench;

/// <summary>Percentiles by the nearest-rank method: always a value that was measured.</summary>
internal static class Percentile
{
    /// <summary>The smallest value that at least so many percent are not above; null of nothing.</summary>
    /// <param name="ascending">The values, sorted.</param>
    /// <param name="percent">Above 0, at most 100.</param>
    public static double? Of(double[] ascending, double percent) => ascending.Length == 0
        ? null
        : ascending[Math.Clamp((int)Math.Ceiling(percent / 100 * ascending.Length) - 1, 0, ascending.Length - 1)];
}
