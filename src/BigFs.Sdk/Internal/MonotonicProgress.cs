namespace BigFs.Internal;

/// <summary>
/// Adds up bytes from several flows and tells the sum to the caller's <see cref="IProgress{T}"/>: one call at a time, no
/// lock held, never a smaller number after a larger one.
/// </summary>
internal sealed class MonotonicProgress(IProgress<long>? progress)
{
    private long _total;
    private long _reported;
    private int _reporting;

    /// <summary>Adds bytes and reports, unless another flow is reporting: that one goes on with the newest sum.</summary>
    public void Add(long bytes)
    {
        if (progress is null)
        {
            return;
        }

        Interlocked.Add(ref _total, bytes);
        while (Volatile.Read(ref _total) > Volatile.Read(ref _reported)
            && Interlocked.CompareExchange(ref _reporting, 1, 0) == 0)
        {
            try
            {
                long total = Volatile.Read(ref _total);
                if (total > _reported)
                {
                    Volatile.Write(ref _reported, total);
                    progress.Report(total);
                }
            }
            finally
            {
                Volatile.Write(ref _reporting, 0);
            }
        }
    }
}
