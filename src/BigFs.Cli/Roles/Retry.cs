namespace BigFs.Cli.Roles;

/// <summary>Trying again what may succeed soon.</summary>
internal static class Retry
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Calls until it succeeds or fails for good.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<T> WhileTransientAsync<T>(Func<Task<T>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (BigFsException exception) when (exception.IsTransient)
            {
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }
}
