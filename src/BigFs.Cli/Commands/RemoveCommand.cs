using System.CommandLine;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs rm</c>: files, empty directories and, when asked, whole trees.</summary>
internal static class RemoveCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        Argument<string[]> paths = RemoteArguments.Paths("Files or directories.");
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Directories with all they hold." };
        var command = new Command("rm", "Removes files and empty directories.") { paths, recursive };
        line.SetAction(command, (parsed, context, cancellationToken) =>
        {
            var options = new DeleteOptions { Recursive = parsed.GetValue(recursive) };
            return Each.RunAsync(
                context,
                parsed.GetValue(paths)!,
                path => RemoveAsync(context, path, options, cancellationToken),
                cancellationToken);
        });
        return command;
    }

    private static async Task RemoveAsync(
        CommandContext context, string argument, DeleteOptions options, CancellationToken cancellationToken)
    {
        BigFsPath path = RemotePath.Parse(argument).Path;
        if (!await context.Client.DeleteAsync(path, options, cancellationToken))
        {
            throw RemoteArguments.Missing(path);
        }

        if (context.Json)
        {
            context.WriteJson(writer => writer.WriteString("deleted", path.ToString()));
        }
    }
}
