using System.Runtime.InteropServices;

namespace BigFs.Cli.Roles;

/// <summary>
/// Has the threads of this process scheduled as work of which there is much: each has its fair share of the processor as before,
/// but one that wakes does not interrupt one that runs. The thread pool wakes a second thread with every first, in case there
/// is more to do; where cores are few, each of those pushed the first off its core to find nothing.
/// </summary>
internal static class BatchScheduling
{
    private const int Other = 0;
    private const int Batch = 3;

    /// <summary>
    /// Changes the calling thread, whose policy all threads made from here on inherit; Linux only, and only what has the system's
    /// default: another policy was somebody's choice. Where it is not allowed, nothing happens.
    /// </summary>
    public static void Begin()
    {
        if (OperatingSystem.IsLinux() && GetScheduler(0) == Other)
        {
            int priority = 0; // the only one that this policy has
            _ = SetScheduler(0, Batch, ref priority);
        }
    }

    [DllImport("libc", EntryPoint = "sched_getscheduler")]
    private static extern int GetScheduler(int thread);

    [DllImport("libc", EntryPoint = "sched_setscheduler")]
    private static extern int SetScheduler(int thread, int policy, ref int priority);
}
