using BigFs.Cli.Errors;

namespace BigFs.Cli.Commands;

/// <summary>Counts what was done and what failed when a command is given several things.</summary>
internal sealed class Each(CommandContext context)
{
    private readonly Lock _lock = new();
    private int _done;
    private int _failed;
    private int _exitCode;

    /// <summary>Does something to every argument, in order, and goes on after a failure.</summary>
    /// <returns>0; the failure's code when there was one thing; 8 when there were several.</returns>
    public static async Task<int> RunAsync(
        CommandContext context, IReadOnlyList<string> arguments, Func<string, Task> action, CancellationToken cancellationToken)
    {
        var each = new Each(context);
        foreach (string argument in arguments)
        {
            await each.RunAsync(() => action(argument), cancellationToken);
        }

        return each.Finish(cancellationToken);
    }

    /// <summary>Does one of the things; a failure is reported and counted. Thread-safe.</summary>
    /// <exception cref="OperationCanceledException">The command was interrupted.</exception>
    public async Task RunAsync(Func<Task> action, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            await action();
            Done();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Failed(exception, cancellationToken);
        }
    }

    /// <summary>Counts one of the things as done. Thread-safe.</summary>
    public void Done()
    {
        lock (_lock)
        {
            _done++;
        }
    }

    /// <summary>Reports that one of the things failed, and counts it. Thread-safe.</summary>
    public void Failed(Exception failure, CancellationToken cancellationToken)
    {
        int exitCode = context.Report(failure, cancellationToken);
        lock (_lock)
        {
            _failed++;
            _exitCode = exitCode;
        }
    }

    /// <summary>The exit code of it all; says how many failed when only some did.</summary>
    public int Finish(CancellationToken cancellationToken) => (_failed, _done) switch
    {
        (0, _) => ExitCode.Ok,
        (1, 0) => _exitCode,
        _ => context.Report(new PartFailedException(_failed, _done), cancellationToken),
    };
}
