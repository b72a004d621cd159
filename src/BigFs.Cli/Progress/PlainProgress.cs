using BigFs.Cli.Output;

namespace BigFs.Cli.Progress;

/// <summary>A plain line now and then, for logs and pipes: nothing for what is done within the interval.</summary>
internal sealed class PlainProgress(string label, Action<string> writeLine, TimeProvider time)
{
    /// <summary>Time between lines.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly long _start = time.GetTimestamp();
    private readonly TransferRate _rate = new();
    private TimeSpan _next = Interval;

    /// <summary>Notes how far the transfer has come; called one at a time.</summary>
    public void Report(long bytes, long? total)
    {
        TimeSpan elapsed = time.GetElapsedTime(_start);
        if (elapsed < _next)
        {
            return;
        }

        _rate.Note(elapsed, bytes);
        _next = elapsed + Interval;
        string of = total is { } all ? $" of {Text.Size(all)}" : "";
        string left = _rate.TimeLeft(total) is { } rest ? $", {Text.Duration(rest)} left" : "";
        writeLine($"{label}: {Text.Size(bytes)}{of}, {Text.Size(_rate.BytesPerSecond)}/s{left}");
    }
}
