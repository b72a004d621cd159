using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Cli.Shell;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs shell</c>: commands at a prompt, over one connection.</summary>
internal static class ShellCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var command = new Command("shell", "A prompt for cp, ls, rm and the other commands; reads a script from a pipe, too.");
        line.SetAction(command, async (_, context, cancellationToken) =>
        {
            using var input = new StreamReader(context.Console.Input);
            bool anyFailed = await new ShellLoop(context).RunAsync(input, cancellationToken);
            return anyFailed && !context.Console.InputIsTerminal ? ExitCode.PartFailed : ExitCode.Ok;
        });
        return command;
    }
}
