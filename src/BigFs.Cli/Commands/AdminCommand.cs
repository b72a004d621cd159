using System.CommandLine;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin</c>: looking after a cluster.</summary>
internal static class AdminCommand
{
    public static Command Make(BigFsCommandLine line) => new("admin", "Looks after a cluster.")
    {
        StatusCommand.Make(line),
    };
}
