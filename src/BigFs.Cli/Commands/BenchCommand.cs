using System.CommandLine;
using System.Globalization;
using BigFs.Cli.Bench;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs bench</c>: how fast the cluster is, and what that costs.</summary>
internal static class BenchCommand
{
    public static Command Make(BigFsCommandLine line) =>
        new("bench", "Measures uploads, downloads and operations on names.")
        {
            MakePut(line),
            MakeGet(line),
            MakeNames(line, BenchOperation.Create, "Makes empty files and measures it."),
            MakeNames(line, BenchOperation.Stat, "Finds what a create or put of the same prefix and count left, and measures it."),
            MakeNames(line, BenchOperation.List, "Lists the prefix, which holds --count entries, once for each caller, and measures it."),
            MakeNames(line, BenchOperation.Delete, "Deletes what a create or put of the same prefix and count left, and measures it."),
        };

    private static Command MakePut(BigFsCommandLine line)
    {
        Option<long?> size = MakeSize("Bytes of each file, or with KiB, MiB, GiB; default 8MiB.");
        var replicas = NumberOption.Make<int>("--replicas", "N", "Datanodes that keep each part, 1 to 8; default the cluster's setting.");
        var inline = new Option<bool>("--inline") { Description = "Keep the content of small files with their names." };
        var command = new Command("put", "Uploads files of one size and measures it.") { size, replicas, inline };
        Common common = Common.AddTo(command);
        line.SetAction(command, (parsed, context, cancellationToken) =>
        {
            BenchPlan plan = common.Plan(parsed, BenchOperation.Put);
            plan = plan with
            {
                Size = parsed.GetValue(size) ?? plan.Size,
                Replicas = parsed.GetValue(replicas),
                Inline = parsed.GetValue(inline),
            };
            return TransferAsync(context, plan, cancellationToken);
        });
        return command;
    }

    private static Command MakeGet(BigFsCommandLine line)
    {
        Option<int?> passes = NumberOption.Make<int>("--passes", "N", "How often all of them are downloaded, one pass after the other; default 1.");
        Option<long?> size = MakeSize("As of the put: a file of another size fails; default any size.");
        var replicas = NumberOption.Make<int>("--replicas", "N", "As of the put: a file with another number of replicas fails; default any.");
        var inline = new Option<bool>("--inline") { Description = "As of the put; a download finds the content wherever it is." };
        var command = new Command("get", "Downloads what a put of the same prefix and count left, and measures it.")
        {
            passes, size, replicas, inline,
        };
        Common common = Common.AddTo(command);
        line.SetAction(command, (parsed, context, cancellationToken) =>
        {
            BenchPlan plan = common.Plan(parsed, BenchOperation.Get) with
            {
                Passes = parsed.GetValue(passes) ?? 1,
                ExpectedSize = parsed.GetValue(size),
                Replicas = parsed.GetValue(replicas),
            };
            return TransferAsync(context, plan, cancellationToken);
        });
        return command;
    }

    private static Option<long?> MakeSize(string description) => new("--size")
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (ByteSize.TryParse(text, out long bytes))
            {
                return bytes;
            }

            result.AddError($"--size \"{text}\" is no size: bytes, or a whole number with KiB, MiB or GiB.");
            return null;
        },
    };

    private static Command MakeNames(BigFsCommandLine line, BenchOperation operation, string description)
    {
        const string MetadataServer = "metadata-server", FileServer = "file-server";
        var at = new Option<string>("--at")
        {
            Description = $"{FileServer} (default: as every client) or {MetadataServer} (straight at it).",
            HelpName = "ROLE",
            DefaultValueFactory = _ => FileServer,
        };
        at.AcceptOnlyFromAmong(FileServer, MetadataServer);
        var unary = new Option<bool>("--unary") { Description = "With --at metadata-server: a call for each operation, no stream." };
        var command = new Command(new BenchPlan { Operation = operation }.Name, description) { at, unary };
        Common common = Common.AddTo(command);
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            BenchPlan plan = common.Plan(parsed, operation) with
            {
                AtMetadataServer = parsed.GetValue(at) == MetadataServer,
                Unary = parsed.GetValue(unary),
            };
            plan.Validate();
            if (!plan.AtMetadataServer)
            {
                return await new BenchRun(context, plan, new NamespaceWork(new ClientNamespace(context.Client), plan)).RunAsync(cancellationToken);
            }

            await using var client = new BigFsMetadataClient(context.Endpoint, plan.Unary);
            return await new BenchRun(context, plan, new NamespaceWork(new MetadataNamespace(client), plan)).RunAsync(cancellationToken);
        });
        return command;
    }

    private static Task<int> TransferAsync(CommandContext context, BenchPlan plan, CancellationToken cancellationToken)
    {
        plan.Validate();
        return new BenchRun(context, plan, new TransferWork(context.Client, plan)).RunAsync(cancellationToken);
    }

    /// <summary>The options that all have.</summary>
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
