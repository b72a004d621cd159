using System.Runtime.CompilerServices;

namespace BigFs.Internal;

/// <summary>
/// Leaves the caller's synchronization context or task scheduler. What lies below awaits plainly and would otherwise
/// come back to a context that may never pump: a user interface's thread that waits for this very call.
/// </summary>
internal readonly struct PublicDoor : ICriticalNotifyCompletion
{
    /// <summary>Whether there is nothing to leave.</summary>
    public bool IsCompleted =>
        SynchronizationContext.Current is null && TaskScheduler.Current == TaskScheduler.Default;

    /// <summary>Awaiting this goes on without a context: at once when there is none, else on the thread pool.</summary>
    public static PublicDoor LeaveContext() => default;

    /// <summary>The awaiter pattern.</summary>
    public PublicDoor GetAwaiter() => this;

    /// <inheritdoc/>
    public void OnCompleted(Action continuation) =>
        ThreadPool.QueueUserWorkItem(static run => run(), continuation, preferLocal: false);

    /// <inheritdoc/>
    public void UnsafeOnCompleted(Action continuation) =>
        ThreadPool.UnsafeQueueUserWorkItem(static run => run(), continuation, preferLocal: false);

    /// <summary>The awaiter pattern.</summary>
    public void GetResult()
    {
        // Nothing can fail.
    }
}
