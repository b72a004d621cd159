namespace BigFs.Hosting.Grpc;

/// <summary>Counts calls that a role carries out. Thread-safe.</summary>
internal sealed class CallMeter
{
    private int _inFlight;
    private long _completed;

    /// <summary>Calls that have begun and not ended.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Calls that have ended, however.</summary>
    public long Completed => Interlocked.Read(ref _completed);

    public void Begin() => Interlocked.Increment(ref _inFlight);

    public void End()
    {
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Increment(ref _completed);
    }
}
