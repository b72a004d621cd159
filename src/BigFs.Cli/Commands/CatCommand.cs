using System.CommandLine;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs cat</c>: contents of files, on standard output.</summary>
internal static class CatCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        Argument<string[]> paths = RemoteArguments.Paths("Files.");
        var command = new Command("cat", "Writes files to standard output, each byte verified.") { paths };
        line.SetAction(command, (parsed, context, cancellationToken) =>
            Each.RunAsync(
                context,
                parsed.GetValue(paths)!,
                path =>
                {
                    context.Console.Flush();
                    return context.Client.DownloadAsync(
                        RemotePath.Parse(path).Path, context.Console.OutputStream, null, cancellationToken);
                },
                cancellationToken));
        return command;
    }
}
