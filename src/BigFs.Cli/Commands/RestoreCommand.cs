using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin restore</c>: a backup into the data folders of servers that do not run.</summary>
internal static class RestoreCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var from = new Option<string>("--from") { Description = "The backup.", HelpName = "FILE", Required = true };
        var metadata = new Option<string?>("--metadata")
        {
            Description = "The metadata server's data folder, empty or absent; without it the metadata are left out.",
            HelpName = "DIR",
        };
        var manager = new Option<string?>("--node-manager")
        {
            Description = "The node manager's data folder, without a volume map; only when that was lost, too.",
            HelpName = "DIR",
        };
        var command = new Command("restore", "Restores a backup into the data folders of servers that do not run.")
        {
            from, metadata, manager,
        };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            (string? metadataFolder, string? managerFolder) = (parsed.GetValue(metadata), parsed.GetValue(manager));
            if (metadataFolder is null && managerFolder is null)
            {
                throw new UsageException("Name what is restored: --metadata DIR, --node-manager DIR, or both.");
            }

            BigFsRestored restored = await BigFsRestore.RunAsync(
                new BigFsRestoreOptions
                {
                    File = parsed.GetValue(from)!,
                    MetadataDirectory = metadataFolder,
                    NodeManagerDirectory = managerFolder,
                },
                cancellationToken);
            Show(context, restored);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(CommandContext context, BigFsRestored restored)
    {
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("taken", restored.Taken);
                writer.WriteString("cluster", restored.Cluster?.ToString("N"));
                if (restored.Generation is { } generation)
                {
                    writer.WriteNumber("generation", generation);
                }
            });
            return;
        }

        context.Say($"Restored the backup of {Text.Moment(restored.Taken)}.");
        if (restored.Generation is { } begun)
        {
            context.Say(
                $"Generation {begun} begins. Deletions wait: start the servers, look with \"bigfs admin fsck\", then \"bigfs admin resume-collection\".");
        }
    }
}
