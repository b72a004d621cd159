namespace BigFs.Core.Transfer;

/// <summary>
/// Ends what hangs: while armed, it calls back when nothing has moved for its time-out. Thread-safe. A move only notes
/// the time, so that it costs nothing beside the transfer; the timer looks at the note when it fires.
/// </summary>
internal sealed class StallWatch : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly Action _stalled;
    private readonly ITimer _timer;
    private TimeSpan _timeout;
    private long _moved;
    private bool _armed;

    /// <summary>Makes a watch at rest.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="stalled">Called once, outside any lock, when an armed watch expires.</param>
    public StallWatch(TimeProvider time, Action stalled)
    {
        _time = time;
        _stalled = stalled;
        _timer = time.CreateTimer(
            static state => ((StallWatch)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether an armed watch expired.</summary>
    public bool Expired { get; private set; }

    /// <summary>Starts watching: something has to move within the time-out, and again after each move.</summary>
    public void Arm(TimeSpan timeout)
    {
        lock (_lock)
        {
            _timeout = timeout;
            _armed = true;
            Moved();
            _timer.Change(timeout, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Something moved.</summary>
    public void Moved() => Volatile.Write(ref _moved, _time.GetTimestamp());

    /// <summary>Stops watching: the next move is not the peer's to make.</summary>
    public void Rest()
    {
        lock (_lock)
        {
            _armed = false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Rest();
        _timer.Dispose();
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            if (!_armed)
            {
                return;
            }

            TimeSpan left = _timeout - _time.GetElapsedTime(Volatile.Read(ref _moved));
            if (left > TimeSpan.Zero)
            {
                // A timer counts whole milliseconds: round up, for one set to nothing would fire over and over.
                _timer.Change(left + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                return;
            }

            _armed = false;
            Expired = true;
        }

        _stalled();
    }
}
