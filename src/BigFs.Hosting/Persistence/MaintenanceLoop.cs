using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The loop that works off what deletions and jobs of an engine have left to do, in steps that share the writer with everyone:
/// at once after a start or a call of <see cref="Wake"/>, else once a minute.
/// </summary>
/// <param name="steps">Each does a small part, and says whether there is more.</param>
/// <param name="time">Clock.</param>
/// <param name="logger">Is told of steps that failed.</param>
internal sealed partial class MaintenanceLoop(
    ImmutableArray<Func<CancellationToken, ValueTask<bool>>> steps, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly CancellationTokenSource _stop = new();
    private readonly ILogger _logger = logger;
    private Task _loop = Task.CompletedTask;

    /// <summary>Starts the loop.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>There is something to do.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

    /// <summary>Ends the loop after its step.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                _wakes.Reader.TryRead(out _);
                bool isMore = false;
                foreach (Func<CancellationToken, ValueTask<bool>> step in steps)
                {
                    isMore |= await TryAsync(step).ConfigureAwait(false);
                }

                if (!isMore)
                {
                    await WaitAsync().ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end of the loop.
        }
    }

    /// <summary>One step; a failed one is logged and leaves the others to go on.</summary>
    private async Task<bool> TryAsync(Func<CancellationToken, ValueTask<bool>> step)
    {
        try
        {
            return await step(_stop.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (!_stop.IsCancellationRequested || exception is not OperationCanceledException)
        {
            LogFailed(exception);
            return false;
        }
    }

    private async Task WaitAsync()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task pause = Task.Delay(Pause, time, end.Token);
        Task<bool> wake = _wakes.Reader.WaitToReadAsync(end.Token).AsTask();
        await Task.WhenAny(pause, wake).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(pause, wake).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Token.ThrowIfCancellationRequested();
    }

    [LoggerMessage(
        EventId = 3221,
        Level = LogLevel.Error,
        Message = "Clearing away deleted metadata failed; it is tried again in a minute")]
    private partial void LogFailed(Exception exception);
}
