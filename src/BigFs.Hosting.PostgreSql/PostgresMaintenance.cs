using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The loop that works off what <see cref="PostgresPurge"/> and <see cref="PostgresTotals"/> have to do, in steps that share
/// the writer with everyone: at once after a start or a call of <see cref="Wake"/>, else once a minute.
/// </summary>
internal sealed partial class PostgresMaintenance(
    PostgresWriteQueue queue,
    PostgresReads reads,
    PostgresPurge purge,
    PostgresTotals totals,
    TimeProvider time,
    ILogger logger)
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
                bool isMore = await TryAsync(() => InQueueAsync(PostgresPurge.PruneAsync)).ConfigureAwait(false);
                isMore |= await TryAsync(() => InQueueAsync(purge.StepAsync)).ConfigureAwait(false);
                isMore |= await TryAsync(TotalsAsync).ConfigureAwait(false);
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

    private ValueTask<bool> InQueueAsync(Func<PostgresTransaction, ValueTask<bool>> step) =>
        queue.RunAsync(PostgresNeeds.Alone, step, _stop.Token);

    private async ValueTask<bool> TotalsAsync()
    {
        if (await reads.ReadAsync(PostgresTotals.ReadAsync, _stop.Token).ConfigureAwait(false) is not { } step)
        {
            return false;
        }

        await InQueueAsync(transaction => totals.NoteAsync(transaction, step.Job, step.From, step.Part)).ConfigureAwait(false);
        return true;
    }

    /// <summary>One step; a failed one is logged and leaves the others to go on.</summary>
    private async Task<bool> TryAsync(Func<ValueTask<bool>> step)
    {
        try
        {
            return await step().ConfigureAwait(false);
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
        EventId = 3265,
        Level = LogLevel.Error,
        Message = "Clearing away deleted metadata failed; it is tried again in a minute")]
    private partial void LogFailed(Exception exception);
}
