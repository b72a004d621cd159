namespace BigFs.Cli.Progress;

/// <summary>
/// The sum of several transfers that go on at once. Each reports how far it has come; the sum never goes down.
/// Thread-safe.
/// </summary>
internal sealed class TransferTotal(Action<long, long?> changed)
{
    private readonly Lock _lock = new();
    private long _bytes;
    private long? _total = 0;

    /// <summary>Bytes that have gone so far.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Adds a transfer of so many bytes; null when its length is not known, and then neither is the sum's.</summary>
    public IProgress<long> Add(long? length)
    {
        lock (_lock)
        {
            _total += length;
        }

        return new Part(this);
    }

    private void Advance(long bytes)
    {
        // Told under the lock, so that what is shown never goes back.
        lock (_lock)
        {
            _bytes += bytes;
            // A pipe or a device says that its length is 0, and has more.
            changed(_bytes, _total >= _bytes ? _total : null);
        }
    }

    private sealed class Part(TransferTotal sum) : IProgress<long>
    {
        private long _reported;

        public void Report(long value)
        {
            long before = Interlocked.Exchange(ref _reported, value);
            if (value > before)
            {
                sum.Advance(value - before);
            }
        }
    }
}
