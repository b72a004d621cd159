using System.Runtime.CompilerServices;

namespace BigFs.Core.Transfer;

/// <summary>Waiting for a task's end where its outcome is somebody else's to judge.</summary>
internal static class TaskExtensions
{
    /// <summary>Waits on a thread that may: one made for blocking calls.</summary>
    public static T WaitHere<T>(this ValueTask<T> work) =>
        work.IsCompletedSuccessfully ? work.Result : work.AsTask().GetAwaiter().GetResult();

    /// <summary>Awaits the end, however it comes.</summary>
    public static ConfiguredTaskAwaitable Settled(this Task task) =>
        task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
