using System.CommandLine;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs ls</c>: what a directory holds.</summary>
internal static class ListCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var path = new Argument<string>("path")
        {
            Description = "A directory or file, bigfs:/path or /path; default the root.",
            Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => "/",
        };
        var isLong = new Option<bool>("--long", "-l") { Description = "Size in bytes, time (UTC), replicas and name." };
        var recursive = new Option<bool>("--recursive", "-R")
        {
            Description = "All that lies below, too, as paths relative to the directory, in order.",
        };
        var command = new Command("ls", "Lists a directory.") { path, isLong, recursive };
        line.SetAction(command, (parsed, context, cancellationToken) => RunAsync(
            context,
            parsed.GetValue(path)!,
            parsed.GetValue(isLong),
            new ListOptions { PageSize = 10_000, Recursive = parsed.GetValue(recursive) },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        CommandContext context, string argument, bool isLong, ListOptions options, CancellationToken cancellationToken)
    {
        RemotePath remote = RemotePath.Parse(argument);
        try
        {
            int above = remote.Path.IsRoot ? 1 : remote.Path.ToString().Length + 1;
            await foreach (BigFsEntry entry in context.Client.ListAsync(remote.Path, options, cancellationToken))
            {
                Write(context, entry, entry.Path.ToString()[above..], isLong);
            }
        }
        catch (BigFsException e) when (e.Code == BigFsErrorCode.NotDirectory && !remote.IsFolder
            && e.Path == remote.Path.ToString())
        {
            // A file lists as itself.
            BigFsEntry file = await context.Client.GetAsync(remote.Path, cancellationToken);
            Write(context, file, file.Path.ToString(), isLong);
        }

        return Errors.ExitCode.Ok;
    }

    private static void Write(CommandContext context, BigFsEntry entry, string name, bool isLong)
    {
        if (context.Json)
        {
            context.WriteJson(writer => EntryOutput.WriteJson(writer, entry));
        }
        else
        {
            context.Console.Output.WriteLine(isLong ? EntryOutput.LongLine(entry, name) : EntryOutput.Name(entry, name));
        }
    }
}
