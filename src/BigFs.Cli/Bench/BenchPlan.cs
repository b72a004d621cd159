using System.Globalization;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Bench;

/// <summary>What is measured; checked when it is made.</summary>
internal sealed record BenchPlan
{
    /// <summary>Most files of one measurement: 10 million.</summary>
    public const int MaxCount = 10_000_000;

    /// <summary>Most files in flight: 1,024.</summary>
    public const int MaxConcurrency = 1024;

    /// <summary>Most passes over the files: 10,000.</summary>
    public const int MaxPasses = 10_000;

    /// <summary>Longest warm-up: an hour.</summary>
    public const int MaxWarmUpSeconds = 3600;

    /// <summary>What is done.</summary>
    public required BenchOperation Operation { get; init; }

    /// <summary>Bytes of each file; of a put.</summary>
    public long Size { get; init; } = 8 << 20;

    /// <summary>Bytes that each file must have; of a get. Null for whatever it finds.</summary>
    public long? ExpectedSize { get; init; }

    /// <summary>Files.</summary>
    public int Count { get; init; } = 16;

    /// <summary>How often all files are read; of a get. Few files, read again, make a measurement that lasts.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>Files in flight at once.</summary>
    public int Concurrency { get; init; } = 1;

    /// <summary>Replicas of each chunk; null for the cluster's own setting, and of a get for whatever it finds.</summary>
    public int? Replicas { get; init; }

    /// <summary>Whether a put keeps contents with their names, where they are small enough.</summary>
    public bool Inline { get; init; }

    /// <summary>The directory of the files.</summary>
    public BigFsPath Prefix { get; init; } = BigFsPath.Root / "bench";

    /// <summary>How long the same is done before, unmeasured; zero for not at all.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether names are measured at the metadata server itself, without file servers.</summary>
    public bool AtMetadataServer { get; init; }

    /// <summary>Whether each operation at the metadata server is a call of its own, and shares no stream.</summary>
    public bool Unary { get; init; }

    /// <summary>The word on the command line.</summary>
    public string Name => Operation.ToString().ToLowerInvariant();

    /// <summary>Whether contents go with it.</summary>
    public bool IsTransfer => Operation is BenchOperation.Put or BenchOperation.Get;

    /// <summary>The directory of what a warm-up makes.</summary>
    public BigFsPath WarmUpPrefix => Prefix / "warm-up";

    /// <summary>The file of a number: the same for all operations.</summary>
    public BigFsPath File(int number) => Prefix / number.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>The file of a number that a warm-up makes.</summary>
    public BigFsPath WarmUpFile(int number) => WarmUpPrefix / number.ToString("D8", CultureInfo.InvariantCulture);

    /// <exception cref="UsageException">A setting is out of range.</exception>
    public void Validate()
    {
        Within("--count", Count, 1, MaxCount);
        Within("--passes", Passes, 1, MaxPasses);
        Within("--concurrency", Concurrency, 1, MaxConcurrency);
        if ((long)Count * Passes > MaxCount)
        {
            throw new UsageException($"--count times --passes is {(long)Count * Passes}; it must be at most {MaxCount}.");
        }

        if (Unary && !AtMetadataServer)
        {
            throw new UsageException("--unary is for --at metadata-server: file servers are called over the stream.");
        }
    }

    private static void Within(string name, int value, int least, int most)
    {
        if (value < least || value > most)
        {
            throw new UsageException($"{name} is {value}; it must be {least} to {most}.");
        }
    }
}
