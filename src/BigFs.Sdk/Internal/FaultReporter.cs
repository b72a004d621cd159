using BigFs.Core.Control;
using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>
/// Tells the cluster what went wrong with replicas, beside the transfer that noticed: a report is a hint, so it delays
/// nothing, is given up after two seconds and dropped when too many are under way. Thread-safe.
/// </summary>
internal sealed class FaultReporter(Func<IFileServer> fileServer, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const int MostAtOnce = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _disposed;

    /// <summary>Sends a report; returns at once and never throws.</summary>
    public void Report(ReplicaFault fault)
    {
        lock (_lock)
        {
            if (_disposed || _running.Count >= MostAtOnce)
            {
                return;
            }

            Task task = SendAsync(fault);
            if (!task.IsCompleted)
            {
                _running.Add(task);
                task.ContinueWith(
                    ended =>
                    {
                        lock (_lock)
                        {
                            _running.Remove(ended);
                        }
                    },
                    CancellationToken.None,
                    TaskContinuationOptions.None,
                    TaskScheduler.Default);
            }
        }
    }

    /// <summary>Gives up what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            running = [.. _running];
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(running).EndAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task SendAsync(ReplicaFault fault)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var patience = new CancellationTokenSource(Patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token);
        try
        {
            await fileServer().ReportAsync(fault, both.Token).OrAbandon(both.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            SdkLog.ReportFailed(logger, fault.Volume.Value, fault.Node.ToString(), exception);
        }
    }
}
