namespace BigFs.Hosting.NodeManager;

/// <summary>Tasks that nobody waits for until the end; none is started after the end has begun. Thread-safe.</summary>
internal sealed class BackgroundTasks
{
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _running = [];
    private bool _isEnding;

    /// <summary>Tasks under way.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _running.Count;
            }
        }
    }

    /// <summary>Starts a task, which must not throw; false when the end has begun.</summary>
    public bool Start(Func<Task> work)
    {
        Task task;
        lock (_lock)
        {
            if (_isEnding)
            {
                return false;
            }

            task = BeginAsync(work);
            _running.Add(task);
        }

        _ = ForgetAsync(task);
        return true;
    }

    /// <summary>Starts nothing more and waits for what is under way.</summary>
    public async Task EndAsync()
    {
        Task[] running;
        lock (_lock)
        {
            _isEnding = true;
            running = [.. _running];
        }

        await Task.WhenAll(running);
    }

    private static async Task BeginAsync(Func<Task> work)
    {
        await Task.Yield(); // The caller may hold locks.
        await work();
    }

    private async Task ForgetAsync(Task task)
    {
        try
        {
            await task;
        }
        finally
        {
            lock (_lock)
            {
                _running.Remove(task);
            }
        }
    }
}
