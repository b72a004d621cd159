namespace BigFs.Hosting.Diagnostics;

/// <summary>Turns a count that only grows into a rate. One user at a time.</summary>
internal sealed class RateMeter(TimeProvider time)
{
    private long _at;
    private double _count;
    private bool _hasBegun;

    /// <summary>The mean growth a second since the call before; 0 at the first.</summary>
    public double PerSecond(double count)
    {
        long now = time.GetTimestamp();
        double seconds = time.GetElapsedTime(_at, now).TotalSeconds;
        double rate = _hasBegun && seconds > 0 ? Math.Max(0, count - _count) / seconds : 0;
        (_at, _count, _hasBegun) = (now, count, true);
        return rate;
    }
}
