using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin backup</c>: metadata and volume map of a running cluster, in one file.</summary>
internal static class BackupCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var to = new Option<string>("--to")
        {
            Description = "The file to write; nothing may stand there.",
            HelpName = "FILE",
            Required = true,
        };
        var command = new Command("backup", "Copies the metadata and the volume map while they serve.") { to };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            await using var admin = new BigFsAdmin(context.ClientOptions());
            BigFsBackup backup = await admin.BackupAsync(parsed.GetValue(to)!, cancellationToken);
            if (context.Json)
            {
                context.WriteJson(writer =>
                {
                    writer.WriteString("file", backup.File);
                    writer.WriteString("taken", backup.Taken);
                    writer.WriteString("cluster", backup.Cluster?.ToString("N"));
                    writer.WriteNumber("generation", backup.Generation);
                    writer.WriteNumber("bytes", backup.Bytes);
                });
            }
            else
            {
                context.Say($"Backup of {Text.Moment(backup.Taken)}: {Text.Size(backup.Bytes)} in {Text.Visible(backup.File)}.");
            }

            return ExitCode.Ok;
        });
        return command;
    }
}
