namespace BigFs.Internal;

/// <summary>
/// The large buffers of one client, kept between chunks and transfers: fresh ones cost the system a page fault every 4 KiB,
/// which is a third of a download's processor time. Thread-safe.
/// </summary>
/// <param name="time">The clock of the rest.</param>
internal sealed class LargeBuffers(TimeProvider time) : IDisposable
{
    /// <summary>Buffers up to this length are the runtime's shared pool's business.</summary>
    public const int LargestOfSharedPool = 1 << 20;

    /// <summary>
    /// How long after its last transfer a client is at rest: files that follow each other use the same buffers. Given up with
    /// each file, they would stay resident beside their successors until garbage of their age is collected.
    /// </summary>
    public static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);

    /// <summary>Most bytes kept while transfers run: 64 MiB.</summary>
    private const long MostKept = 64L << 20;

    /// <summary>Most bytes kept while none does: 16 MiB.</summary>
    private const long MostKeptAtRest = 16L << 20;

    private readonly Lock _lock = new();
    /// <summary>The least recently returned first.</summary>
    private readonly List<byte[]> _kept = [];
    private long _keptBytes;
    private ITimer? _rest;
    private int _transfers;
    private bool _disposed;

    /// <summary>Bytes kept for the next transfers.</summary>
    public long KeptBytes
    {
        get
        {
            lock (_lock)
            {
                return _keptBytes;
            }
        }
    }

    /// <summary>A transfer begins that will use buffers.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            _transfers++;
        }
    }

    /// <summary>A transfer has ended; what is kept beyond a client at rest goes when no other has begun for a while.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            _transfers--;
            if (_transfers == 0 && _keptBytes > MostKeptAtRest && !_disposed)
            {
                _rest ??= time.CreateTimer(
                    static state => ((LargeBuffers)state!).EndRest(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _rest.Change(Rest, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>A buffer of at least this length.</summary>
    public byte[] Rent(int length)
    {
        lock (_lock)
        {
            // The shortest that will do, so that downloads leave the long ones to uploads; of those the one that was used last.
            int best = -1;
            for (int i = _kept.Count - 1; i >= 0; i--)
            {
                if (_kept[i].Length >= length && (best < 0 || _kept[i].Length < _kept[best].Length))
                {
                    best = i;
                }
            }

            if (best >= 0)
            {
                return TakeNeedsLock(best);
            }
        }

        return GC.AllocateUninitializedArray<byte>(length);
    }

    /// <summary>Takes a buffer back that nobody touches any more; where too much is kept, what lay longest goes.</summary>
    public void Return(byte[] buffer)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _kept.Add(buffer);
            _keptBytes += buffer.Length;
            DropNeedsLock(_transfers > 0 ? MostKept : MostKeptAtRest);
        }
    }

    /// <summary>Keeps nothing any longer.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _rest?.Dispose();
            _kept.Clear();
            _keptBytes = 0;
        }
    }

    private void EndRest()
    {
        lock (_lock)
        {
            if (_transfers == 0)
            {
                DropNeedsLock(MostKeptAtRest);
            }
        }
    }

    private void DropNeedsLock(long most)
    {
        while (_keptBytes > most)
        {
            _ = TakeNeedsLock(0);
        }
    }

    private byte[] TakeNeedsLock(int index)
    {
        byte[] buffer = _kept[index];
        _kept.RemoveAt(index);
        _keptBytes -= buffer.Length;
        return buffer;
    }
}
