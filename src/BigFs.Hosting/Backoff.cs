namespace BigFs.Hosting;

/// <summary>Pauses that double.</summary>
internal static class Backoff
{
    /// <summary>The pause after so many earlier failures.</summary>
    public static TimeSpan Pause(int earlierFailures, TimeSpan first, TimeSpan max)
    {
        TimeSpan pause = first * (1L << Math.Min(earlierFailures, 20));
        return pause < max ? pause : max;
    }
}
