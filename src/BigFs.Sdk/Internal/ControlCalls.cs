using BigFs.Core.Control;

namespace BigFs.Internal;

/// <summary>
/// Calls of the control plane as the caller is owed them: tried again while the cluster is away (with whatever operation
/// id the call carries), ended by time-outs of their own, and failing with <see cref="BigFsException"/> only.
/// </summary>
internal sealed class ControlCalls(
    Func<IFileServer> fileServer, ClientSettings settings, TimeProvider time, CancellationToken stopping)
{
    /// <summary>
    /// Runs a call that stands at the door: an endpoint that cannot be reached for the connect time-out is unavailable.
    /// </summary>
    public Task<T> RunAsync<T>(
        BigFsPath path, Func<IFileServer, CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken) =>
        RunAsync(path, call, settings.ConnectTimeout, cancellationToken);

    /// <summary>Runs a call in the middle of a transfer, on which much hangs: tried for the whole operation time-out.</summary>
    public Task<T> RunPatientlyAsync<T>(
        BigFsPath path, Func<IFileServer, CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken) =>
        RunAsync(path, call, settings.OperationTimeout, cancellationToken);

    /// <summary>Runs a call whose caller tries again by its own rules.</summary>
    public Task<T> RunOnceAsync<T>(
        BigFsPath path, Func<IFileServer, CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken) =>
        RunAsync(path, call, TimeSpan.Zero, cancellationToken);

    private async Task<T> RunAsync<T>(
        BigFsPath path,
        Func<IFileServer, CancellationToken, ValueTask<T>> call,
        TimeSpan patience,
        CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(settings.OperationTimeout, time);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken, stopping);
        var backOff = new BackOff(time, patience);
        BigFsException? last = null;
        try
        {
            while (true)
            {
                long began = time.GetTimestamp();
                try
                {
                    all.Token.ThrowIfCancellationRequested();
                    return await call(fileServer(), all.Token).OrAbandon(all.Token).ConfigureAwait(false);
                }
                catch (BigFsException exception) when (exception.Code == BigFsErrorCode.Unavailable)
                {
                    last = exception;
                    if (!await backOff.WaitAsync(elsewhere: false, all.Token, began).ConfigureAwait(false))
                    {
                        throw Enriched(exception, path, backOff.Attempts);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (
            !cancellationToken.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            // Only the deadline is left as the reason.
            throw last is null
                ? new BigFsException(
                    BigFsErrorCode.TimedOut,
                    $"No answer about \"{path}\" within the operation time-out of {settings.OperationTimeout.TotalSeconds:0.###} s.")
                {
                    Path = path.ToString(),
                    Endpoint = settings.Endpoint?.OriginalString,
                    Attempts = backOff.Attempts + 1,
                }
                : Enriched(last, path, backOff.Attempts);
        }
        catch (BigFsException exception) when (exception.Path is null)
        {
            throw Enriched(exception, path, backOff.Attempts + 1);
        }
        catch (Exception exception) when (exception is not (BigFsException or OperationCanceledException))
        {
            throw new BigFsException(
                BigFsErrorCode.Internal, $"A call about \"{path}\" failed unexpectedly: {exception.Message}", exception)
            {
                Path = path.ToString(),
                Endpoint = settings.Endpoint?.OriginalString,
                Attempts = backOff.Attempts + 1,
            };
        }
    }

    private BigFsException Enriched(BigFsException exception, BigFsPath path, int attempts) =>
        new(exception.Code, exception.Message, exception)
        {
            Path = exception.Path ?? path.ToString(),
            Endpoint = exception.Endpoint ?? settings.Endpoint?.OriginalString,
            Attempts = Math.Max(attempts, exception.Attempts),
        };
}
