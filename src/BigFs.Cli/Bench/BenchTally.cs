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
    private int _pieces;
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

    /// <summary>Pieces of work that succeeded: as many, but for listings.</summary>
    public int Pieces => Volatile.Read(ref _pieces);

    /// <summary>Pieces of work that failed.</summary>
    public int Failed => Volatile.Read(ref _failed);

    /// <summary>Why the first of those failed; null when none did.</summary>
    public Exception? FirstError { get; private set; }

    /// <summary>Fewest replicas of a file that was transferred; 0 before the first.</summary>
    public int Replicas { get; private set; }

    /// <summary>The weakest that an upload rests on; null before the first, and for downloads.</summary>
    public BigFsDurability? Durability { get; private set; }

    /// <summary>Notes a piece of work that succeeded.</summary>
    public void Succeeded(int number, long ticks, BenchOutcome outcome)
    {
        _ticks[number] = ticks;
        Interlocked.Add(ref _bytes, outcome.Bytes);
        Interlocked.Add(ref _done, outcome.Operations);
        Interlocked.Increment(ref _pieces);
        if (outcome.Replicas == Replicas && outcome.Durability == Durability)
        {
            return;
        }

        lock (_lock)
        {
            Replicas = Replicas == 0 ? outcome.Replicas : Math.Min(Replicas, outcome.Replicas);
            Durability = outcome.Durability is not { } durability || Durability > durability ? Durability : durability;
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
