using System.Runtime.CompilerServices;

namespace BigFs.Core.Transfer;

/// <summary>Waiting for a task's end where its outcome is somebody else's to judge.</summary>
internal static class TaskExtensions
{
    /// <summary>Awaits the end, however it comes.</summary>
    public static ConfiguredTaskAwaitable Settled(this Task task) =>
        task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
