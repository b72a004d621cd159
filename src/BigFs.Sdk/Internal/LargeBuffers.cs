namespace BigFs.Internal;

/// <summary>
/// The large buffers of one client, kept between chunks and transfers: fresh ones cost the system a page fault every 4 KiB,
/// which is a third of a download's processor time. Thread-safe.
/// </summary>
internal sealed class LargeBuffers
{
    /// <summary>Buffers up to this length are the runtime's shared pool's business.</summary>
    public const int LargestOfSharedPool = 1 << 20;

    /// <summary>Most bytes kept while transfers run: 64 MiB.</summary>
    private const long MostKept = 64L << 20;

    /// <summary>Most bytes kept while none does: 16 MiB.</summary>
    private const long MostKeptAtRest = 16L << 20;

    private readonly Lock _lock = new();
    private readonly Stack<byte[]> _kept = new();
    private long _keptBytes;
    private int _transfers;

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

    /// <summary>A transfer has ended; what is kept beyond a client at rest goes with the last one.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            _transfers--;
            while (_transfers == 0 && _keptBytes > MostKeptAtRest)
            {
                _keptBytes -= _kept.Pop().Length;
            }
        }
    }

    /// <summary>A buffer of exactly this length.</summary>
    public byte[] Rent(int length)
    {
        lock (_lock)
        {
            // Lengths seldom differ within a client: a look at the last one is enough.
            if (_kept.TryPeek(out byte[]? last))
            {
                _keptBytes -= last.Length;
                _kept.Pop();
                if (last.Length == length)
                {
                    return last;
                }
            }
        }

        return GC.AllocateUninitializedArray<byte>(length);
    }

    /// <summary>Takes a buffer back that nobody touches any more.</summary>
    public void Return(byte[] buffer)
    {
        lock (_lock)
        {
            if (_keptBytes + buffer.Length <= (_transfers > 0 ? MostKept : MostKeptAtRest))
            {
                _kept.Push(buffer);
                _keptBytes += buffer.Length;
            }
        }
    }
}
