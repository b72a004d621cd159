using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs mv</c>: a new place or name.</summary>
internal static class MoveCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var source = new Argument<string>("source") { Description = "A file or directory, bigfs:/path or /path." };
        var destination = new Argument<string>("destination")
        {
            Description = "The new path; an existing directory, or a path that ends in '/', means into it.",
        };
        var overwrite = new Option<bool>("--overwrite", "-f") { Description = "Replace a file at the destination." };
        var command = new Command("mv", "Moves or renames a file or directory.") { source, destination, overwrite };
        line.SetAction(command, (parsed, context, cancellationToken) => RunAsync(
            context,
            RemotePath.Parse(parsed.GetValue(source)!),
            RemotePath.Parse(parsed.GetValue(destination)!),
            parsed.GetValue(overwrite),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        CommandContext context, RemotePath source, RemotePath destination, bool overwrite, CancellationToken cancellationToken)
    {
        bool isInto = destination.IsFolder
            || await context.Client.FindAsync(destination.Path, cancellationToken) is BigFsDirectory;
        BigFsPath target = isInto && !source.Path.IsRoot ? destination.Path / source.Path.Name : destination.Path;
        BigFsEntry moved = await context.Client.MoveAsync(
            source.Path, target, new MoveOptions { Overwrite = overwrite }, cancellationToken);
        if (context.Json)
        {
            context.WriteJson(writer => EntryOutput.WriteJson(writer, moved));
        }

        return ExitCode.Ok;
    }
}
