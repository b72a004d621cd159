namespace BigFs.Core.Threading;

/// <summary>
/// A bounded set of threads for blocking calls. Threads start when work waits and none is idle, and live until disposal.
/// </summary>
internal sealed class BlockingThreads : IDisposable
{
    /// <summary>The set whose thread this is: what a thread of the set asks of the set, it does itself.</summary>
    [ThreadStatic]
    private static BlockingThreads? _current;

    /// <summary>What a thread that is no set's has lent itself for, see <see cref="RunHere"/>; null for all others.</summary>
    [ThreadStatic]
    private static Loan? _loan;

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

    /// <summary>
    /// Whether this thread was lent to a set, and runs work of it: whoever lent it waits for that, and for nothing else.
    /// </summary>
    public static bool IsLent => _loan is { IsRunning: true };

    /// <summary>
    /// Starts something, and lends the thread, which may block, to whatever it hands to a set: that is done here when the start
    /// has returned, without a change of threads. What is handed to a set while it is done goes to the set's threads. A thread
    /// that is a set's own or is lent already just starts it.
    /// </summary>
    public static void RunHere(Action start)
    {
        if (_loan is not null || _current is not null)
        {
            start();
            return;
        }

        var loan = new Loan();
        _loan = loan;
        try
        {
            start();
        }
        finally
        {
            Queue<(BlockingThreads Set, Action Item)> here = loan.HandedOver;
            loan.HandedOver = new();
            loan.IsRunning = true;
            while (here.TryDequeue(out (BlockingThreads Set, Action Item) next))
            {
                _current = next.Set;
                next.Item();
            }

            _current = null;
            _loan = null;
            foreach ((BlockingThreads set, Action item) in loan.HandedOver)
            {
                set.Enqueue(item);
            }
        }
    }

    /// <summary>
    /// Runs the work on one of the threads, at once when the caller is on one; its exception becomes the task's.
    /// </summary>
    public ValueTask<T> RunAsync<T>(Func<T> work)
    {
        if (_current == this)
        {
            try
            {
                return ValueTask.FromResult(work());
            }
            catch (Exception exception)
            {
                return ValueTask.FromException<T>(exception);
            }
        }

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

    /// <summary>
    /// Goes on, on one of the threads, after what waits before the caller: a chain of calls is then made there without a
    /// change of threads, as long as nothing else is awaited in between. A thread that was lent is given back.
    /// </summary>
    public Task EnterAsync()
    {
        lock (_lock)
        {
            if (_current == this && _loan is null && _queue.Count == 0)
            {
                return Task.CompletedTask;
            }
        }

        var entered = new TaskCompletionSource();
        Enqueue(entered.SetResult);
        return entered.Task;
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
            if (_loan is { } loan)
            {
                loan.HandedOver.Enqueue((this, item));
                return;
            }

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
        _current = this;
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

    private sealed class Loan
    {
        /// <summary>Whether what was handed over by the start is being run.</summary>
        public bool IsRunning { get; set; }

        /// <summary>What was handed over and has no thread yet.</summary>
        public Queue<(BlockingThreads Set, Action Item)> HandedOver { get; set; } = new();
    }
}
