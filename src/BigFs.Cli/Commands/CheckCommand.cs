using System.CommandLine;
using System.Globalization;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin fsck</c>: compares names, volumes and chunks, and changes nothing.</summary>
internal static class CheckCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var most = new Option<int>("--limit")
        {
            Description = "Findings of each kind that are listed, 0 to 1000000; all are counted.",
            HelpName = "COUNT",
            DefaultValueFactory = _ => 100,
        };
        var wait = new Option<int>("--session-wait")
        {
            Description = "Seconds to wait for uploads under way that may still name a chunk, 0 to 86400.",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 10,
        };
        var command = new Command("fsck", "Compares names, volumes and chunks of a running cluster; changes nothing.") { most, wait };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            (int limit, int seconds) = (parsed.GetValue(most), parsed.GetValue(wait));
            if (limit is < 0 or > 1_000_000 || seconds is < 0 or > 86_400)
            {
                throw new UsageException("--limit is 0 to 1000000, --session-wait is 0 to 86400.");
            }

            await using var admin = new BigFsAdmin(context.ClientOptions());
            BigFsCheckSummary summary = await admin.CheckAsync(
                limit, TimeSpan.FromSeconds(seconds), finding => Show(context, finding), cancellationToken);
            Show(context, summary);
            return summary.IsDamaged ? ExitCode.Integrity : ExitCode.Ok;
        });
        return command;
    }

    private static void Show(CommandContext context, BigFsFinding finding)
    {
        if (!context.Json)
        {
            string where = string.Join(' ', new[]
            {
                finding.Path is null ? null : Text.Visible(finding.Path),
                finding.Volume is { } volume ? string.Create(CultureInfo.InvariantCulture, $"volume {volume}") : null,
                finding.Key is null ? null : $"chunk {finding.Key}",
                finding.Node is null ? null : $"node {finding.Node}",
            }.Where(part => part is not null));
            context.Console.Output.WriteLine(
                $"{Word(finding.Kind)} {finding.Kind}{(where.Length > 0 ? " " : "")}{where}: {Text.OneLine(finding.Detail)}");
            return;
        }

        context.WriteJson(writer =>
        {
            writer.WriteString("finding", finding.Kind.ToString());
            writer.WriteBoolean("damage", finding.IsDamage);
            writer.WriteString("path", finding.Path);
            if (finding.Volume is { } volume)
            {
                writer.WriteNumber("volume", volume);
            }

            writer.WriteString("key", finding.Key);
            writer.WriteString("node", finding.Node);
            writer.WriteString("detail", finding.Detail);
        });
    }

    private static void Show(CommandContext context, BigFsCheckSummary summary)
    {
        if (!context.Json)
        {
            string counts = summary.Counts.Count == 0
                ? "nothing found"
                : string.Join(", ", summary.Counts.Select(pair => $"{pair.Value} {pair.Key}"));
            context.Console.Output.WriteLine(
                $"{summary.Directories} directories, {summary.Files} files, {summary.Chunks} chunks in {summary.Volumes} volumes, "
                    + $"{summary.Replicas} replicas read: {counts}; {(summary.IsDamaged ? "DAMAGED" : "no damage")}");
            return;
        }

        context.WriteJson(writer =>
        {
            writer.WriteBoolean("damaged", summary.IsDamaged);
            writer.WriteNumber("directories", summary.Directories);
            writer.WriteNumber("files", summary.Files);
            writer.WriteNumber("chunks", summary.Chunks);
            writer.WriteNumber("volumes", summary.Volumes);
            writer.WriteNumber("replicas", summary.Replicas);
            writer.WriteStartObject("findings");
            foreach ((BigFsFindingKind kind, long count) in summary.Counts)
            {
                writer.WriteNumber(kind.ToString(), count);
            }

            writer.WriteEndObject();
        });
    }

    private static string Word(BigFsFindingKind kind) =>
        BigFsFinding.IsDamageOf(kind) ? "damage" : kind == BigFsFindingKind.UnknownReplica ? "unknown" : "note";
}
