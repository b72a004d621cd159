using System.CommandLine;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs mkdir</c>: directories, with their parents.</summary>
internal static class MakeDirectoryCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        Argument<string[]> paths = RemoteArguments.Paths("Directories.");
        var command = new Command("mkdir", "Makes directories and their parents; existing ones are fine.") { paths };
        line.SetAction(command, (parsed, context, cancellationToken) =>
            Each.RunAsync(context, parsed.GetValue(paths)!, path => MakeAsync(context, path, cancellationToken), cancellationToken));
        return command;
    }

    private static async Task MakeAsync(CommandContext context, string argument, CancellationToken cancellationToken)
    {
        BigFsPath path = RemotePath.Parse(argument).Path;
        await context.Client.CreateDirectoryAsync(path, cancellationToken);
        if (context.Json)
        {
            context.WriteJson(writer => writer.WriteString("created", path.ToString()));
        }
    }
}
