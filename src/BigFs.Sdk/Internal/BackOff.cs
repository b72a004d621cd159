namespace BigFs.Internal;

/// <summary>
/// The pauses between tries of one step, and how long they may go on, counted from the first failure. Not thread-safe.
/// </summary>
internal sealed class BackOff(TimeProvider time, TimeSpan limit)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private long? _since;
    private TimeSpan _pause = First;

    /// <summary>Failures so far.</summary>
    public int Attempts { get; private set; }

    /// <summary>How long it has been trying since the first failure.</summary>
    public TimeSpan Elapsed => _since is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>
    /// Notes a failure and waits before the next try: twice as long as last time, at most a second; not at all after the
    /// first failure when the next try goes elsewhere.
    /// </summary>
    /// <param name="elsewhere">Whether the next try goes somewhere else.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="startedFailing">When the try that failed first began; null: now.</param>
    /// <returns>False when the time is used up.</returns>
    public async ValueTask<bool> WaitAsync(
        bool elsewhere, CancellationToken cancellationToken, long? startedFailing = null)
    {
        _since ??= startedFailing ?? time.GetTimestamp();
        Attempts++;
        TimeSpan left = limit - Elapsed;
        if (left <= TimeSpan.Zero)
        {
            return false;
        }

        if (Attempts > 1 || !elsewhere)
        {
            // Up to a half less, so that clients which failed together do not come back together.
            TimeSpan pause = _pause * (0.5 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(pause < left ? pause : left, time, cancellationToken).ConfigureAwait(false);
            _pause = _pause * 2 < Longest ? _pause * 2 : Longest;
        }

        return true;
    }
}
