namespace BigFs.Internal;

/// <summary>
/// Waiting for code that may not look at its cancellation token: the caller goes on, the call ends by itself. Who gave
/// such a call a buffer must not use it again after an <see cref="OperationCanceledException"/>.
/// </summary>
internal static class Waits
{
    /// <summary>The call's result, or cancellation as soon as the token says so.</summary>
    public static async ValueTask<T> OrAbandon<T>(this ValueTask<T> call, CancellationToken cancellationToken)
    {
        if (call.IsCompleted)
        {
            return await call.ConfigureAwait(false);
        }

        Task<T> task = call.AsTask();
        ObserveFailure(task);
        return await task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The call's end, or cancellation as soon as the token says so.</summary>
    public static async ValueTask OrAbandon(this ValueTask call, CancellationToken cancellationToken)
    {
        if (call.IsCompleted)
        {
            await call.ConfigureAwait(false);
            return;
        }

        Task task = call.AsTask();
        ObserveFailure(task);
        await task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The task's end, without its exception: for work whose failure was told elsewhere.</summary>
    public static async ValueTask EndAsync(this Task task) =>
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>An abandoned call's failure has nobody to go to; it must not count as unobserved.</summary>
    private static void ObserveFailure(Task task) =>
        task.ContinueWith(
            static ended => ended.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
}
