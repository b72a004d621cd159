using System.CommandLine;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs stat</c>: everything known of an entry.</summary>
internal static class StatCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        Argument<string[]> paths = RemoteArguments.Paths("Files or directories.");
        var command = new Command("stat", "Shows what is known of a file or directory.") { paths };
        line.SetAction(command, (parsed, context, cancellationToken) =>
            Each.RunAsync(context, parsed.GetValue(paths)!, path => ShowAsync(context, path, cancellationToken), cancellationToken));
        return command;
    }

    private static async Task ShowAsync(CommandContext context, string path, CancellationToken cancellationToken)
    {
        BigFsEntry entry = await context.Client.GetAsync(RemotePath.Parse(path).Path, cancellationToken);
        if (context.Json)
        {
            context.WriteJson(writer => EntryOutput.WriteJson(writer, entry));
        }
        else
        {
            EntryOutput.WriteAll(context.Console.Output, entry);
        }
    }
}
