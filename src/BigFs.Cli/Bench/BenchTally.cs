using System.Diagnostics;

namespace BigFs.Cli.Bench;

/// <summary>
/// What the operations of one measured part came to: a latency each, in an array made and touched before the first of
/// them, so that noting one costs nothing. Each number is noted once; thread-safe.
/// </summary>
internal sealed class BenchTally
{
    private readonly long[] _ticks;
    private readonly Lock _lock = new();
    private long _bytes;
    private int _done;
    private int _failed;

    public BenchTally(int count)
    {
        _ticks = new long[count];
        Array.Fill(_ticks, -1);
    }

    /// <summary>Bytes of the operations that succeeded.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Operations that succeeded.</summary>
    public int Done => Volatile.Read(ref _done);

    /// <summary>Operations that failed.</summary>
    public int Failed => Volatile.Read(ref _failed);

    /// <summary>Why the first of those failed; null when none did.</summary>
    public Exception? FirstError { get; private set; }

    /// <summary>Fewest replicas of a file that was transferred; 0 before the first.</summary>
    public int Replicas { get; private set; }

    /// <summary>The weakest that an upload rests on; null before the first, and for downloads.</summary>
    public BigFsDurability? Durability { get; private set; }

    /// <summary>Notes an operation that succeeded.</summary>
    public void Succeeded(int number, long ticks, BigFsFile file, DurabilityReceipt? receipt)
    {
        _ticks[number] = ticks;
        Interlocked.Add(ref _bytes, file.Size);
        Interlocked.Increment(ref _done);
        int replicas = receipt?.Replicas ?? file.Replicas;
        if (replicas == Replicas && receipt?.Durability == Durability)
        {
            return;
        }

        lock (_lock)
        {
            Replicas = Replicas == 0 ? replicas : Math.Min(Replicas, replicas);
            Durability = receipt is null || Durability > receipt.Durability ? Durability : receipt.Durability;
        }
    }

    /// <summary>Notes an operation that failed.</summary>
    public void FailedWith(Exception error)
    {
        lock (_lock)
        {
            FirstError ??= error;
            _failed++;
        }
    }

    /// <summary>The latencies of what succeeded, in milliseconds, ascending.</summary>
    public double[] SortedMilliseconds()
    {
        double[] all = [.. _ticks.Where(ticks => ticks >= 0).Select(ticks => ticks * 1000.0 / Stopwatch.Frequency)];
        Array.Sort(all);
        return all;
    }
}
