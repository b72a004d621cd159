using System.CommandLine;
using System.Globalization;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs du</c>: what lies below directories, added up by the cluster.</summary>
internal static class TotalsCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        Argument<string[]> paths = RemoteArguments.Paths("Directories or files.");
        var command = new Command("du", "Adds up what lies below a directory: bytes, bytes on datanodes, files, directories.")
        {
            paths,
        };
        line.SetAction(command, (parsed, context, cancellationToken) =>
            Each.RunAsync(context, parsed.GetValue(paths)!, path => ShowAsync(context, path, cancellationToken), cancellationToken));
        return command;
    }

    private static async Task ShowAsync(CommandContext context, string argument, CancellationToken cancellationToken)
    {
        BigFsPath path = RemotePath.Parse(argument).Path;
        BigFsTotals totals = await context.Client.GetTotalsAsync(path, null, cancellationToken);
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("path", path.ToString());
                writer.WriteNumber("files", totals.Files);
                writer.WriteNumber("directories", totals.Directories);
                writer.WriteNumber("bytes", totals.Bytes);
                writer.WriteNumber("physicalBytes", totals.PhysicalBytes);
            });
            return;
        }

        context.Console.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{totals.Bytes,16}  {totals.PhysicalBytes,16}  {totals.Files,10}  {totals.Directories,10}  {Text.Visible(path.ToString())}"));
    }
}
