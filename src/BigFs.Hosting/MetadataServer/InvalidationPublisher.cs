using BigFs.Core.Messaging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>
/// Tells file servers what changed in the namespace. The first change is told at once; those that follow within a twentieth of
/// a second go together. Never waits for the bus in an operation, and never fails one: who was not told finds out when it
/// asks. Thread-safe.
/// </summary>
internal sealed class InvalidationPublisher(IClusterBus bus, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How long a change waits for others, when one was told just before.</summary>
    public static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(50);

    /// <summary>So many changes wait no longer: an event stays well below a broker's limit.</summary>
    private const int Enough = MetadataInvalidated.MaxPaths / 4;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private HashSet<BigFsPath> _paths = [];
    private HashSet<BigFsPath> _trees = [];
    private TaskCompletionSource _hasEnough = NewSignal();
    private bool _everything;
    private bool _running;
    private Task _loop = Task.CompletedTask;

    /// <summary>Notes that an entry changed; returns at once.</summary>
    /// <param name="path">The entry.</param>
    /// <param name="tree">Whether everything beneath it changed as well: it was moved, or deleted recursively.</param>
    public void Add(BigFsPath path, bool tree)
    {
        lock (_gate)
        {
            if (_everything)
            {
                return;
            }

            (tree ? _trees : _paths).Add(path);
            int waiting = _paths.Count + _trees.Count;
            if (waiting >= Enough)
            {
                _hasEnough.TrySetResult();
            }

            if (waiting > MetadataInvalidated.MaxPaths)
            {
                // The bus does not keep up: that everything changed is short, and as true.
                _everything = true;
                _paths = [];
                _trees = [];
            }

            if (!_running)
            {
                _running = true;
                _loop = PublishAsync(_stop.Token);
            }
        }
    }

    /// <summary>Ends; what was not told yet is not.</summary>
    public async ValueTask DisposeAsync()
    {
        Task loop;
        lock (_gate)
        {
            // Nothing starts the loop any more.
            _running = true;
            loop = _loop;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task PublishAsync(CancellationToken stopping)
    {
        // Not in the flow of the operation that changed something.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!stopping.IsCancellationRequested && Take() is { } message)
        {
            await bus.PublishAsync(message, stopping).ConfigureAwait(false);
            Task enough;
            lock (_gate)
            {
                enough = _hasEnough.Task;
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(enough, Task.Delay(Gathering, time, end.Token)).ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is to be told next; null, and the loop ends, when there is nothing.</summary>
    private MetadataInvalidated? Take()
    {
        lock (_gate)
        {
            if (_hasEnough.Task.IsCompleted)
            {
                _hasEnough = NewSignal();
            }

            if (_everything)
            {
                _everything = false;
                return new MetadataInvalidated { Trees = [BigFsPath.Root] };
            }

            if (_paths.Count + _trees.Count == 0)
            {
                _running = _stop.IsCancellationRequested;
                return null;
            }

            var message = new MetadataInvalidated { Paths = [.. _paths], Trees = [.. _trees] };
            _paths.Clear();
            _trees.Clear();
            return message;
        }
    }
}
