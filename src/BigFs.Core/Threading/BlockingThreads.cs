namespace BigFs.Core.Threading;

/// <summary>
/// A bounded set of threads for blocking calls. Threads start when work waits and none is idle, and live until disposal.
/// </summary>
internal sealed class BlockingThreads : IDisposable
{
    private readonly object _lock = new();
    private readonly Queue<Action> _queue = new();
    private readonly List<Thread> _threads = [];
    private readonly string _name;
    private readonly int _most;
    private int _idle;
    private bool _disposed;

    /// <summary>Makes the set.</summary>
    /// <param name="name">The threads' name.</param>
    /// <param name="most">Most threads, 1 or more.</param>
    public BlockingThreads(string name, int most)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        _name = name;
        _most = most;
    }

    /// <summary>Runs the work on one of the threads; its exception becomes the task's.</summary>
    public ValueTask<T> RunAsync<T>(Func<T> work)
    {
        var source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Enqueue(() =>
        {
            try
            {
                source.SetResult(work());
            }
            catch (Exception exception)
            {
                source.SetException(exception);
            }
        });
        return new ValueTask<T>(source.Task);
    }

    /// <summary>Runs the work on one of the threads; its exception becomes the task's.</summary>
    public async ValueTask RunAsync(Action work) => await RunAsync(() =>
    {
        work();
        return true;
    });

    /// <summary>Takes no more work; the threads end by themselves after what waits.</summary>
    public void End()
    {
        lock (_lock)
        {
            _disposed = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Ends the threads after the work that waits, and waits for that.</summary>
    public void Dispose()
    {
        End();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Enqueue(Action item)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _queue.Enqueue(item);
            if (_idle >= _queue.Count)
            {
                Monitor.Pulse(_lock);
            }
            else if (_threads.Count < _most)
            {
                var thread = new Thread(Work, maxStackSize: 256 << 10) { Name = _name, IsBackground = true };
                _threads.Add(thread);
                thread.Start();
            }
        }
    }

    private void Work()
    {
        while (true)
        {
            Action item;
            lock (_lock)
            {
                while (_queue.Count == 0)
                {
                    if (_disposed)
                    {
                        return;
                    }

                    _idle++;
                    Monitor.Wait(_lock);
                    _idle--;
                }

                item = _queue.Dequeue();
            }

            item();
        }
    }
}
