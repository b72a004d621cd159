using System.Diagnostics;

namespace BigFs.Cli.Bench;

/// <summary>Resident memory of this process, in MiB.</summary>
internal static class MemoryMeter
{
    private const double Mebibyte = 1 << 20;

    /// <summary>What is resident now, after a collection of garbage.</summary>
    public static double Idle()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Environment.WorkingSet / Mebibyte;
    }

    /// <summary>The most that was resident since the process began.</summary>
    public static double Peak()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 / Mebibyte;
    }
}
