namespace BigFs.Core.Storage;

/// <summary>
/// Holds the node's compaction to a number of bytes a second, by a token bucket that holds a second's worth. One user at a
/// time.
/// </summary>
internal sealed class CompactionPace(TimeProvider time, long bytesPerSecond)
{
    private double _left = bytesPerSecond;
    private long _since = time.GetTimestamp();

    /// <summary>Takes bytes; waits when more were taken than have come in.</summary>
    public async ValueTask WaitAsync(long bytes, CancellationToken cancellationToken)
    {
        long now = time.GetTimestamp();
        double gained = time.GetElapsedTime(_since, now).TotalSeconds * bytesPerSecond;
        _since = now;
        _left = Math.Min(bytesPerSecond, _left + gained) - bytes;
        if (_left < 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(-_left / bytesPerSecond), time, cancellationToken);
        }
    }
}
