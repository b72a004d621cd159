namespace BigFs.Core.Storage;

/// <summary>Counts operations under way, so that a stop refuses new ones and waits for the rest. Thread-safe.</summary>
internal sealed class OperationGate
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;
    private bool _closed;

    /// <summary>Begins an operation; false when the gate is closed.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            _inside += _closed ? 0 : 1;
            return !_closed;
        }
    }

    /// <summary>Ends an operation.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            _inside--;
            CheckNeedsLock();
        }
    }

    /// <summary>Lets nobody in any more; ends when all are out.</summary>
    public Task CloseAsync()
    {
        lock (_lock)
        {
            _closed = true;
            CheckNeedsLock();
            return _empty.Task;
        }
    }

    private void CheckNeedsLock()
    {
        if (_closed && _inside == 0)
        {
            _empty.TrySetResult();
        }
    }
}
