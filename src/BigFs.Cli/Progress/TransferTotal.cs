namespace BigFs.Cli.Progress;

/// <summary>
/// The sum of several transfers that go on at once. Each reports how far it has come; the sum never goes down.
/// Thread-safe.
/// </summary>
internal sealed class TransferTotal(Action<long, long?> changed)
{
    private readonly Action<long, long?> _changed = changed;
    private readonly Lock _lock = new();
    private long _bytes;
    private long? _total = 0;

    /// <summary>Adds a transfer of so many bytes; null when its length is not known, and then neither is the sum's.</summary>
    public IProgress<long> Add(long? length)
    {
        lock (_lock)
        {
            _total += length;
        }

        return new Part(this);
    }

    private sealed class Part(TransferTotal sum) : IProgress<long>
    {
        private long _reported;

        public void Report(long value)
        {
            // Told under the lock, so that what is shown never goes back.
            lock (sum._lock)
            {
                if (value <= _reported)
                {
                    return;
                }

                sum._bytes += value - _reported;
                _reported = value;
                // A pipe or a device says that its length is 0, and has more.
                sum._changed(sum._bytes, sum._total >= sum._bytes ? sum._total : null);
            }
        }
    }
}
