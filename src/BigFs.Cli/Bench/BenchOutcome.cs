using System.Diagnostics;

namespace BigFs.Cli.Bench;

/// <summary>What one piece of measured work came to.</summary>
internal readonly record struct BenchOutcome
{
    public BenchOutcome()
    {
    }

    /// <summary>Bytes that were transferred.</summary>
    public long Bytes { get; init; }

    /// <summary>Operations that it was: one, but for a listing, where each entry is one.</summary>
    public int Operations { get; init; } = 1;

    /// <summary>Replicas of the file; 0 when that does not apply.</summary>
    public int Replicas { get; init; }

    /// <summary>What an upload or a name rests on; null when that is not known or nothing was written.</summary>
    public BigFsDurability? Durability { get; init; }

    /// <summary>When what counts as its latency had passed, by <see cref="Stopwatch"/>; null for its end.</summary>
    public long? Answered { get; init; }
}
