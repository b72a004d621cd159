namespace BigFs.Internal.Download;

/// <summary>
/// Keeps one version readable while somebody reads it: renews its read lease whenever half of it has passed, until it is
/// disposed of, or its owner was forgotten without that. A renewal that fails is tried again, four times as often. Most reads
/// end long before: until then it costs one timer.
/// </summary>
internal sealed class ReadLease : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ClientContext _context;
    private readonly BigFsFile _file;
    private readonly WeakReference<object>? _owner;
    private readonly ITimer? _timer;
    private TimeSpan _lease;
    private CancellationTokenSource? _end;
    private Task _renewal = Task.CompletedTask;
    private bool _disposed;

    /// <summary>Begins with a lease that was just given; one of no length is not renewed.</summary>
    public ReadLease(ClientContext context, BigFsFile file, TimeSpan lease, object owner)
    {
        (_context, _file, _lease) = (context, file, lease);
        if (lease > TimeSpan.Zero)
        {
            _owner = new WeakReference<object>(owner);
            lock (_lock)
            {
                _timer = context.Time.CreateTimer(
                    static state => ((ReadLease)state!).Renew(), this, lease / 2, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Ends the renewals; twice is fine.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        _timer?.Dispose();
        if (_end is { } end)
        {
            await end.CancelAsync().ConfigureAwait(false);
            await _renewal.ConfigureAwait(false);
            end.Dispose();
        }
    }

    private void Renew()
    {
        lock (_lock)
        {
            if (!_disposed && !_context.Stopping.IsCancellationRequested && _owner!.TryGetTarget(out _))
            {
                _end ??= CancellationTokenSource.CreateLinkedTokenSource(_context.Stopping);
                _renewal = RenewAsync(_end.Token);
            }
        }
    }

    /// <summary>Renews once, and sees to the next time. Never throws.</summary>
    private async Task RenewAsync(CancellationToken end)
    {
        // Not under the lock of the timer's call.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        TimeSpan pause;
        try
        {
            _lease = await _context.Control.RunAsync(
                _file.Path, (server, token) => server.RenewReadAsync(_file.Version, token), end).ConfigureAwait(false);
            pause = _lease / 2;
        }
        catch (BigFsException exception)
        {
            SdkLog.ReadLeaseFailed(_context.Logger, _file.Path.ToString(), exception);
            if (exception.Code == BigFsErrorCode.VersionExpired)
            {
                return; // too late: the chunks may be gone, which the reads will say
            }

            pause = _lease / 8;
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return; // disposed of, or the client was
        }

        lock (_lock)
        {
            if (!_disposed)
            {
                _timer!.Change(pause, Timeout.InfiniteTimeSpan);
            }
        }
    }
}
