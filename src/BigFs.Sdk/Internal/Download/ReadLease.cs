namespace BigFs.Internal.Download;

/// <summary>
/// Keeps one version readable while somebody reads it: renews its read lease whenever half of it has passed, until it is
/// disposed of, or its owner was forgotten without that. A renewal that fails is tried again, four times as often.
/// </summary>
internal sealed class ReadLease : IAsyncDisposable
{
    private readonly ClientContext _context;
    private readonly BigFsFile _file;
    private readonly WeakReference<object> _owner;
    private readonly CancellationTokenSource _end;
    private readonly Task _loop;
    private int _disposed;

    /// <summary>Begins with a lease that was just given; one of no length is not renewed.</summary>
    public ReadLease(ClientContext context, BigFsFile file, TimeSpan lease, object owner)
    {
        (_context, _file, _owner) = (context, file, new WeakReference<object>(owner));
        _end = CancellationTokenSource.CreateLinkedTokenSource(context.Stopping);
        _loop = lease > TimeSpan.Zero ? RunAsync(lease) : Task.CompletedTask;
    }

    /// <summary>Ends the renewals; twice is fine.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _end.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task RunAsync(TimeSpan lease)
    {
        TimeSpan pause = lease / 2;
        try
        {
            while (true)
            {
                await Task.Delay(pause, _context.Time, _end.Token).ConfigureAwait(false);
                if (!_owner.TryGetTarget(out _))
                {
                    return;
                }

                try
                {
                    lease = await _context.Control.RunAsync(
                        _file.Path, (server, token) => server.RenewReadAsync(_file.Version, token), _end.Token).ConfigureAwait(false);
                    pause = lease / 2;
                }
                catch (BigFsException exception) when (exception.Code != BigFsErrorCode.VersionExpired)
                {
                    SdkLog.ReadLeaseFailed(_context.Logger, _file.Path.ToString(), exception);
                    pause = lease / 8;
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The end of the loop.
        }
        catch (BigFsException exception)
        {
            // Too late: the chunks may be gone, which the reads will say.
            SdkLog.ReadLeaseFailed(_context.Logger, _file.Path.ToString(), exception);
        }
    }
}
