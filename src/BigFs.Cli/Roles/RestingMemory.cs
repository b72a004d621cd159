using System.Runtime.InteropServices;

namespace BigFs.Cli.Roles;

/// <summary>
/// Gives memory back to the system while this process rests. The runtime collects when its youngest generation is full,
/// which is sized by the processor's cache (tens of MiB), and the C library keeps what the runtime's compiler used, so a
/// process at rest would hold both for nothing.
/// </summary>
internal sealed partial class RestingMemory(TimeProvider time, Func<long> allocatedBytes, Action giveBack)
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(20);

    /// <summary>A process that allocates more in a period is at work: it is left alone.</summary>
    public const long MostAtRest = 8L << 20;

    /// <summary>What must have been allocated since the last time to be worth a collection.</summary>
    public const long LeastWorthwhile = 4L << 20;

    private long _lookedAt = allocatedBytes();
    private long _gaveBackAt;

    /// <summary>Of this process.</summary>
    public RestingMemory(TimeProvider time)
        : this(time, () => GC.GetTotalAllocatedBytes(), GiveBack)
    {
    }

    /// <summary>Looks until the token is cancelled; returns then, without an exception.</summary>
    public async Task UntilCancelledAsync(CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = cancellationToken.Register(cancelled.SetResult);
        await using ITimer timer = time.CreateTimer(_ => Look(), state: null, Period, Period);
        await cancelled.Task;
    }

    private void Look()
    {
        long now = allocatedBytes();
        bool rests = now - _lookedAt <= MostAtRest;
        _lookedAt = now;
        if (rests && now - _gaveBackAt >= LeastWorthwhile)
        {
            giveBack();
            _gaveBackAt = allocatedBytes();
        }
    }

    private static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = TrimHeap(pad: 0);
            }
            catch (EntryPointNotFoundException)
            {
                // Not glibc: nothing like it.
            }
        }
    }

    // malloc_trim(3): gives free pages of the C library's heap back, those between used ones too.
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint pad);
}
