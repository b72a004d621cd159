using System.CommandLine;
using System.Globalization;
using BigFs.Cli.Bench;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs bench</c>: how fast the cluster is, and what that costs.</summary>
internal static class BenchCommand
{
    public static Command Make(BigFsCommandLine line) =>
        new("bench", "Measures uploads and downloads.") { MakePut(line), MakeGet(line) };

    private static Command MakePut(BigFsCommandLine line)
    {
        var size = new Option<long>("--size")
        {
            Description = "Bytes of each file, or with KiB, MiB, GiB; default 8MiB.",
            HelpName = "SIZE",
            DefaultValueFactory = _ => new BenchPlan { Operation = BenchOperation.Put }.Size,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!ByteSize.TryParse(text, out long bytes))
                {
                    result.AddError($"--size \"{text}\" is no size: bytes, or a whole number with KiB, MiB or GiB.");
                }

                return bytes;
            },
        };
        var replicas = NumberOption.Make<int>("--replicas", "N", "Datanodes that keep each part, 1 to 8; default the cluster's setting.");
        var inline = new Option<bool>("--inline") { Description = "Keep the content of small files with their names." };
        var command = new Command("put", "Uploads files of one size and measures it.") { size, replicas, inline };
        Common common = Common.AddTo(command);
        line.SetAction(command, (parsed, context, cancellationToken) =>
        {
            BenchPlan plan = common.Plan(parsed, BenchOperation.Put) with
            {
                Size = parsed.GetValue(size),
                Replicas = parsed.GetValue(replicas),
                Inline = parsed.GetValue(inline),
            };
            return new BenchRun(context, plan).RunAsync(cancellationToken);
        });
        return command;
    }

    private static Command MakeGet(BigFsCommandLine line)
    {
        var command = new Command("get", "Downloads what a put of the same prefix and count left, and measures it.");
        Common common = Common.AddTo(command);
        line.SetAction(command, (parsed, context, cancellationToken) =>
            new BenchRun(context, common.Plan(parsed, BenchOperation.Get)).RunAsync(cancellationToken));
        return command;
    }

    /// <summary>The options that both have.</summary>
    private sealed record Common(Option<int?> Count, Option<int?> Concurrency, Option<string> Prefix, Option<double?> WarmUp)
    {
        public static Common AddTo(Command command)
        {
            var defaults = new BenchPlan { Operation = BenchOperation.Put };
            var common = new Common(
                NumberOption.Make<int>("--count", "N", $"Files; default {defaults.Count}."),
                NumberOption.Make<int>("--concurrency", "N", $"Files in flight at once; default {defaults.Concurrency}."),
                new Option<string>("--prefix")
                {
                    Description = $"The directory of the files; default {RemotePath.Prefix}{defaults.Prefix}.",
                    HelpName = "PATH",
                },
                NumberOption.Make<double>("--warm-up", "S", string.Create(
                    CultureInfo.InvariantCulture,
                    $"Seconds of the same before, unmeasured; default {defaults.WarmUp.TotalSeconds}.")));
            command.Add(common.Count);
            command.Add(common.Concurrency);
            command.Add(common.Prefix);
            command.Add(common.WarmUp);
            return common;
        }

        public BenchPlan Plan(ParseResult parsed, BenchOperation operation)
        {
            var defaults = new BenchPlan { Operation = operation };
            double warmUp = parsed.GetValue(WarmUp) ?? defaults.WarmUp.TotalSeconds;
            return defaults with
            {
                Count = parsed.GetValue(Count) ?? defaults.Count,
                Concurrency = parsed.GetValue(Concurrency) ?? defaults.Concurrency,
                Prefix = parsed.GetValue(Prefix) is { } prefix ? RemotePath.Parse(prefix).Path : defaults.Prefix,
                WarmUp = warmUp is >= 0 and <= BenchPlan.MaxWarmUpSeconds
                    ? TimeSpan.FromSeconds(warmUp)
                    : throw new UsageException($"--warm-up must be 0 to {BenchPlan.MaxWarmUpSeconds} seconds."),
            };
        }
    }
}
