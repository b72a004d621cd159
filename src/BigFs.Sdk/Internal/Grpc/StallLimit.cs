namespace BigFs.Internal.Grpc;

/// <summary>Ends a call on which nothing moves: its time starts anew with every sign of life. One user at a time.</summary>
internal sealed class StallLimit : IDisposable
{
    private readonly CancellationTokenSource _late;
    private readonly CancellationTokenSource _either;

    /// <summary>Starts the time.</summary>
    public StallLimit(TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        Time = time;
        _late = new CancellationTokenSource(time, clock);
        _either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _late.Token);
        Token = _either.Token;
    }

    /// <summary>How long nothing may move.</summary>
    public TimeSpan Time { get; }

    /// <summary>Cancelled when the time is over, or by the caller.</summary>
    public CancellationToken Token { get; }

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => _late.IsCancellationRequested;

    /// <summary>Something moved.</summary>
    public void Restart() => _late.CancelAfter(Time);

    /// <summary>Gives the next step another time.</summary>
    public void Restart(TimeSpan time) => _late.CancelAfter(time);

    /// <summary>Nothing is waited for.</summary>
    public void Pause() => _late.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Ends the call at once.</summary>
    public void Cancel() => _either.Cancel();

    public void Dispose()
    {
        _either.Dispose();
        _late.Dispose();
    }
}
