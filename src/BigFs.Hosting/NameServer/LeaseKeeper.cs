using BigFs.Core.Control;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.NameServer;

/// <summary>
/// Keeps one instance registered at the name server: registers, renews at a third of the lease, goes on trying while the
/// name server is away, and releases at the end.
/// </summary>
internal sealed partial class LeaseKeeper(
    INameServer names, ServiceInstance instance, TimeProvider clock, ILogger<LeaseKeeper> logger) : IAsyncDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a release may hold up the end; the lease runs out by itself.</summary>
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loop = Task.CompletedTask;

    /// <summary>
    /// Done with the first registration. Fails with <see cref="BigFsException"/> when the name server refuses it, which
    /// trying again would not change; the keeper goes on all the same.
    /// </summary>
    public Task Registered => _registered.Task;

    /// <summary>Begins; once. Returns at once: the name server need not be there yet.</summary>
    public void Start() => _loop = KeepAsync(_stop.Token);

    /// <summary>Stops renewing and releases the lease, for a second at most.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _registered.TrySetCanceled();
        if (_registered.Task.IsCompletedSuccessfully)
        {
            using var limit = new CancellationTokenSource(ReleaseLimit, clock);
            try
            {
                await names.ReleaseAsync(instance.Role, instance.Id, limit.Token);
            }
            catch (Exception error) when (error is BigFsException or OperationCanceledException)
            {
                LogNotReleased(instance.Role, instance.Id, error);
            }
        }

        _stop.Dispose();
    }

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        bool away = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            TimeSpan pause = RetryPause;
            try
            {
                pause = await names.RegisterAsync(instance, cancellationToken) / 3;
                _registered.TrySetResult();
                if (away)
                {
                    LogBack(instance.Role, instance.Id);
                }

                away = false;
            }
            catch (BigFsException error)
            {
                if (!away)
                {
                    LogAway(instance.Role, instance.Id, error);
                }

                away = true;
                if (!error.IsTransient)
                {
                    _registered.TrySetException(error);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(EventId = 1120, EventName = "LeaseNotRenewed", Level = LogLevel.Warning,
        Message = "The name server does not take {Role} {Id}; trying on")]
    private partial void LogAway(ServiceRole role, string id, Exception error);

    [LoggerMessage(EventId = 1121, EventName = "LeaseRenewedAgain", Level = LogLevel.Information,
        Message = "The name server takes {Role} {Id} again")]
    private partial void LogBack(ServiceRole role, string id);

    [LoggerMessage(EventId = 1122, EventName = "LeaseNotReleased", Level = LogLevel.Debug,
        Message = "{Role} {Id} could not be released; its lease runs out")]
    private partial void LogNotReleased(ServiceRole role, string id, Exception error);
}
