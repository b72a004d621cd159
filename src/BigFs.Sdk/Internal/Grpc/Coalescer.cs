namespace BigFs.Internal.Grpc;

/// <summary>
/// Sends what many callers hand in over one stream that takes one write at a time: whatever waits while a write is under
/// way goes together with the next. Nothing is held back for the sake of company. Thread-safe.
/// </summary>
/// <param name="write">Sends some items, in order; one call at a time. The list is reused afterwards.</param>
/// <param name="broken">Told once when a write failed: nothing is sent any more.</param>
internal sealed class Coalescer<T>(Func<List<T>, Task> write, Action<Exception> broken) : IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private List<T> _waiting = [];
    private List<T> _spare = [];
    private bool _sending;
    private bool _closed;
    private TaskCompletionSource? _drained;

    /// <summary>Hands in an item; false when nothing is sent any more.</summary>
    public bool Add(T item)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return false;
            }

            _waiting.Add(item);
            if (_sending)
            {
                return true;
            }

            _sending = true;
        }

        // Behind what is ready to run now: whoever of those hands something in travels along.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    /// <summary>Takes nothing more, and ends when everything handed in has been written or the stream is broken.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _closed = true;
            if (!_sending)
            {
                return Task.CompletedTask;
            }

            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute() => _ = PumpAsync();

    /// <summary>Runs while something waits; never throws, and <see cref="CloseAsync"/> waits for its end.</summary>
    private async Task PumpAsync()
    {
        while (true)
        {
            // Decided under the lock and nowhere else: as soon as it is given up, another run may have begun.
            if (Take() is not { } batch)
            {
                return;
            }

            try
            {
                await write(batch).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                lock (_gate)
                {
                    _closed = true;
                    _waiting.Clear();
                }

                broken(exception);
            }

            batch.Clear();
            _spare = batch;
        }
    }

    /// <summary>What waits, or null when nothing does: then this run has ended.</summary>
    private List<T>? Take()
    {
        TaskCompletionSource? drained;
        lock (_gate)
        {
            if (_waiting.Count > 0)
            {
                List<T> batch = _waiting;
                _waiting = _spare;
                return batch;
            }

            _sending = false;
            drained = _drained;
        }

        drained?.TrySetResult();
        return null;
    }
}
