using System.Diagnostics;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Roles;

/// <summary>
/// Ends a role with the process that it belongs to, however that one ended. It looks twice a second, because the
/// system's own way (PR_SET_PDEATHSIG) follows the thread that started the child, not the process, and knows nothing of
/// a role that was started again by hand.
/// </summary>
internal static class ParentWatch
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Identity of a living process, which a later process of the same number does not share.</summary>
    /// <exception cref="UsageException">No such process lives.</exception>
    public static string Identify(int processId) => Probe(processId)
        ?? throw new UsageException($"The process {processId} that this role belongs to is gone: start that one first.");

    /// <summary>Returns when the process is gone.</summary>
    public static async Task WaitForEndAsync(int processId, string identity, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            if (Probe(processId) != identity)
            {
                return;
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private static string? Probe(int processId)
    {
        if (OperatingSystem.IsLinux())
        {
            return ProbeLinux(processId);
        }

        try
        {
            using var process = Process.GetProcessById(processId);
            return process.StartTime.Ticks.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? ProbeLinux(int processId)
    {
        try
        {
            // proc(5): "pid (name) state ... starttime(22nd) ..."; the name may hold blanks and brackets.
            string stat = File.ReadAllText($"/proc/{processId}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : fields[19];
        }
        catch (IOException)
        {
            return null;
        }
    }
}
