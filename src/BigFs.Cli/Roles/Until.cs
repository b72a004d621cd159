namespace BigFs.Cli.Roles;

/// <summary>Waiting for the end.</summary>
internal static class Until
{
    /// <summary>Returns, without an exception, when the token is cancelled.</summary>
    public static async Task CancelledAsync(CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = cancellationToken.Register(cancelled.SetResult);
        await cancelled.Task;
    }
}
