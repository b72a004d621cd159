using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Tells a slow peer from one that hangs: blocked calls wake at an interval, and when that has come round without a byte
/// for the whole time-out, the exchange is given up. Used by one thread.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="timeout">Longest time in which nothing moves.</param>
/// <param name="interval">How often a blocked call wakes.</param>
/// <param name="quiet">Called at each wake without a byte; null for nothing.</param>
internal sealed class Stall(TimeProvider time, TimeSpan timeout, TimeSpan interval, Action? quiet = null)
{
    private TimeSpan _silent;
    private long _wokenAt;

    /// <summary>How often a blocked call wakes, never later than the time-out.</summary>
    public TimeSpan Interval { get; } = interval < timeout ? interval : timeout;

    /// <summary>A stall that is looked at four times within its time-out, at least every two seconds.</summary>
    public static Stall After(TimeSpan timeout, TimeProvider time) =>
        new(time, timeout, TimeSpan.FromMilliseconds(Math.Clamp(timeout.TotalMilliseconds / 4, 1, 2000)));

    /// <summary>The peer's move begins now.</summary>
    public void Begin() => _silent = TimeSpan.Zero;

    /// <summary>A call returned.</summary>
    /// <param name="moved">Whether it moved a byte.</param>
    /// <param name="peer">Who was waited for.</param>
    /// <exception cref="TransferException">Nothing moved for the time-out (Stalled).</exception>
    public void Note(bool moved, string peer)
    {
        if (moved)
        {
            _silent = TimeSpan.Zero;
            return;
        }

        // The first call that returns empty-handed was silent for an interval; from then on the clock tells.
        long now = time.GetTimestamp();
        _silent += _silent == TimeSpan.Zero ? Interval : time.GetElapsedTime(_wokenAt, now);
        _wokenAt = now;
        if (_silent >= timeout)
        {
            throw new TransferException(
                ChunkStatus.Stalled, $"Nothing moved between here and {peer} for the stall time-out.");
        }

        quiet?.Invoke();
    }
}
