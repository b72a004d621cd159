namespace BigFs.Cli.Progress;

/// <summary>
/// How fast bytes went over the last few seconds, and how long the rest will take. Fed with moments of the caller's
/// clock, so that it is as good as they are. Not thread-safe.
/// </summary>
internal sealed class TransferRate
{
    /// <summary>How far back the rate looks.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Queue<(TimeSpan At, long Bytes)> _samples = new([(TimeSpan.Zero, 0)]);
    private (TimeSpan At, long Bytes) _last;

    /// <summary>Bytes a second over the window; 0 before anything is known.</summary>
    public double BytesPerSecond { get; private set; }

    /// <summary>Notes that so many bytes had gone so long after the start; both never go down.</summary>
    public void Note(TimeSpan sinceStart, long bytes)
    {
        _last = (sinceStart, bytes);
        while (_samples.Count > 1 && sinceStart - _samples.Peek().At > Window)
        {
            _samples.Dequeue();
        }

        (TimeSpan at, long before) = _samples.Peek();
        double seconds = (sinceStart - at).TotalSeconds;
        BytesPerSecond = seconds > 0 ? (bytes - before) / seconds : 0;
        _samples.Enqueue(_last);
    }

    /// <summary>How long the rest takes at this rate; null when that cannot be said.</summary>
    public TimeSpan? TimeLeft(long? total)
    {
        if (total is not { } all || BytesPerSecond <= 0)
        {
            return null;
        }

        double seconds = Math.Max(0, all - _last.Bytes) / BytesPerSecond;
        return seconds < TimeSpan.MaxValue.TotalSeconds / 2 ? TimeSpan.FromSeconds(seconds) : null;
    }
}
