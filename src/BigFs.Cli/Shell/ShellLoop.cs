using BigFs.Cli.Errors;

namespace BigFs.Cli.Shell;

/// <summary>Reads lines and runs each as a command line, until the input ends or says so. Errors do not end it.</summary>
internal sealed class ShellLoop(CommandContext context)
{
    private const string Prompt = "bigfs> ";

    private readonly BigFsCommandLine _commands = new(new CliEnvironment(context.Console)
    {
        Time = context.Environment.Time,
        Connect = context.Environment.Connect,
        Variable = context.Environment.Variable,
        ShellClient = context.Client,
    });

    /// <summary>Runs to the end.</summary>
    /// <returns>Whether any command failed.</returns>
    public async Task<bool> RunAsync(TextReader input, CancellationToken cancellationToken)
    {
        bool anyFailed = false;
        if (context.Console.InputIsTerminal)
        {
            context.Say("cp, ls, rm, stat, cat, mkdir, mv; help, exit. Paths in BigFS are written bigfs:/path.");
        }

        while (await ReadLineAsync(input, cancellationToken) is { } line)
        {
            int? exitCode = await RunLineAsync(line, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (exitCode is null)
            {
                break;
            }

            anyFailed |= exitCode != ExitCode.Ok;
        }

        return anyFailed;
    }

    /// <summary>Runs a line; null when it says to end.</summary>
    private async Task<int?> RunLineAsync(string line, CancellationToken cancellationToken)
    {
        string[] words;
        try
        {
            words = ShellWords.Split(line);
        }
        catch (UsageException exception)
        {
            return context.Report(exception, cancellationToken);
        }

        switch (words)
        {
            case []:
                return ExitCode.Ok;
            case ["exit" or "quit"]:
                return null;
            case ["help", .. var rest]:
                return await _commands.RunAsync([.. rest, "--help"], cancellationToken);
            default:
                string[] json = context.Json ? ["--json"] : [];
                string[] quiet = context.Quiet ? ["--quiet"] : [];
                return await _commands.RunAsync([.. json, .. quiet, .. words], cancellationToken);
        }
    }

    private async Task<string?> ReadLineAsync(TextReader input, CancellationToken cancellationToken)
    {
        if (!context.Console.InputIsTerminal)
        {
            return await input.ReadLineAsync(cancellationToken);
        }

        context.Console.Error.Write(Prompt);
        // Reading a terminal cannot be cancelled: on Ctrl-C the pending read is left to end with the process.
        return await Task.Run(Console.ReadLine, cancellationToken).WaitAsync(cancellationToken);
    }
}
