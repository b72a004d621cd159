using System.Globalization;

namespace BigFs.Cli.Bench;

/// <summary>
/// Processor time of a set of processes: this one, and those of the servers on this machine, each once however many
/// roles it has. Servers are read from /proc/PID/stat (proc(5)): user and system time in ticks of 10 ms.
/// </summary>
internal sealed class CpuMeter
{
    // USER_HZ, which Linux shows to programs on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    private readonly int[] _servers;
    private double[] _before = [];
    private double _selfBefore;

    public CpuMeter(IEnumerable<int> processIds) =>
        _servers = [.. processIds.Where(id => id != Environment.ProcessId).Distinct()];

    /// <summary>Servers' processes that are counted beside this one.</summary>
    public int Servers => _servers.Length;

    /// <summary>Processes that were gone at the end: what they used is not in the sum.</summary>
    public int Lost { get; private set; }

    /// <summary>Begins to count.</summary>
    public void Start()
    {
        _before = [.. _servers.Select(id => ReadSeconds(id) ?? double.NaN)];
        _selfBefore = SelfSeconds();
    }

    /// <summary>Seconds since the start, over all of them.</summary>
    public double Stop()
    {
        double self = SelfSeconds() - _selfBefore;
        double[] servers = [.. _servers.Select((id, i) => (ReadSeconds(id) ?? double.NaN) - _before[i])];
        Lost = servers.Count(double.IsNaN);
        return self + servers.Where(seconds => !double.IsNaN(seconds)).Sum();
    }

    /// <summary>User and system time of a line of /proc/PID/stat, in seconds; null when it is no such line.</summary>
    internal static double? ParseStat(string line)
    {
        // The command's name stands in parentheses and may hold anything; the fields count from behind it.
        int nameEnd = line.LastIndexOf(')');
        string[] fields = nameEnd < 0 ? [] : line[(nameEnd + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 12
            && long.TryParse(fields[11], NumberStyles.None, CultureInfo.InvariantCulture, out long user)
            && long.TryParse(fields[12], NumberStyles.None, CultureInfo.InvariantCulture, out long system)
                ? (user + system) / TicksPerSecond
                : null;
    }

    private static double SelfSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static double? ReadSeconds(int processId)
    {
        try
        {
            return ParseStat(File.ReadAllText($"/proc/{processId}/stat"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
