using System.CommandLine;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin</c>: what operators do.</summary>
internal static class AdminCommand
{
    public static Command Make(BigFsCommandLine line) => new("admin", "What operators do: status, keys, backup, restore, checks.")
    {
        StatusCommand.Make(line),
        AdminKeyCommand.Make(line),
        BackupCommand.Make(line),
        RestoreCommand.Make(line),
        CollectionCommands.Show(line),
        CollectionCommands.Resume(line),
        CollectionCommands.Raise(line),
        CheckCommand.Make(line),
    };
}
