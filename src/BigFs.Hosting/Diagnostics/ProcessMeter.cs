using System.Globalization;
using BigFs.Core.Messaging;

namespace BigFs.Hosting.Diagnostics;

/// <summary>
/// Measures how this process and its machine fare; rates are means since the measurement before. Memory and network of the
/// machine are read from /proc, 0 where there is none. One user at a time.
/// </summary>
internal sealed class ProcessMeter(TimeProvider time)
{
    private const string Memory = "/proc/meminfo";
    private const string Network = "/proc/net/dev";

    private readonly RateMeter _cpu = new(time);
    private readonly RateMeter _received = new(time);
    private readonly RateMeter _sent = new(time);

    /// <summary>Measures; the first time rates are 0.</summary>
    public ProcessLoad Measure()
    {
        (long total, long available) = ReadMemory();
        (long received, long sent) = ReadNetwork();
        return new ProcessLoad
        {
            CpuCores = _cpu.PerSecond(Environment.CpuUsage.TotalTime.TotalSeconds),
            Cores = Environment.ProcessorCount,
            ResidentBytes = Environment.WorkingSet,
            MemoryAvailableBytes = available,
            MemoryTotalBytes = total,
            NetworkReceivedBytesPerSecond = (long)_received.PerSecond(received),
            NetworkSentBytesPerSecond = (long)_sent.PerSecond(sent),
        };
    }

    private static (long Total, long Available) ReadMemory()
    {
        long total = 0, available = 0;
        foreach (string line in Lines(Memory))
        {
            total = line.StartsWith("MemTotal:", StringComparison.Ordinal) ? Kibibytes(line) : total;
            available = line.StartsWith("MemAvailable:", StringComparison.Ordinal) ? Kibibytes(line) : available;
        }

        return (total, available);
    }

    private static long Kibibytes(string line) =>
        long.TryParse(Words(line)[1], NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value << 10 : 0;

    /// <summary>All interfaces: "name: received-bytes, 7 more, sent-bytes, 7 more".</summary>
    private static (long Received, long Sent) ReadNetwork()
    {
        long received = 0, sent = 0;
        foreach (string line in Lines(Network).Where(line => line.Contains(':', StringComparison.Ordinal)))
        {
            string[] numbers = Words(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]);
            received += long.Parse(numbers[0], CultureInfo.InvariantCulture);
            sent += long.Parse(numbers[8], CultureInfo.InvariantCulture);
        }

        return (received, sent);
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];
}
