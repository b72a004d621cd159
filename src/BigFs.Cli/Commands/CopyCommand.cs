using System.CommandLine;
using System.CommandLine.Parsing;
using BigFs.Cli.Copying;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs cp</c>: files and folders into BigFS and out of it.</summary>
internal static class CopyCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var paths = new Argument<string[]>("paths")
        {
            Description = "One source or more, then the destination. One side is bigfs:/path; \"-\" is standard input or"
                + " output. A destination that is a directory, or ends in '/', means into it.",
            Arity = new ArgumentArity(2, ArgumentArity.OneOrMore.MaximumNumberOfValues),
        };
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Copy folders with all they hold." };
        var replicas = NumberOption.Make<int>(
            "--replicas", "N", "Datanodes that keep each part of an upload, 1 to 8; default the cluster's setting.");
        var ifAbsent = new Option<bool>("--if-absent") { Description = "Upload only where nothing is." };
        var ifVersion = new Option<string>("--if-version")
        {
            Description = "Upload only over this version (\"bigfs stat\" shows it).",
            HelpName = "VERSION",
        };
        var command = new Command("cp", "Copies files into BigFS or out of it.") { paths, recursive, replicas, ifAbsent, ifVersion };
        command.Validators.Add(result => Validate(result, paths, replicas, ifAbsent, ifVersion));
        line.SetAction(command, (parsed, context, cancellationToken) =>
        {
            string[] all = parsed.GetValue(paths)!;
            var request = new CopyRequest
            {
                Sources = all[..^1],
                Destination = all[^1],
                Recursive = parsed.GetValue(recursive),
                Replicas = parsed.GetValue(replicas),
                Precondition = Precondition(parsed.GetValue(ifAbsent), parsed.GetValue(ifVersion)),
            };
            return new CopyRun(context, request).RunAsync(cancellationToken);
        });
        return command;
    }

    private static void Validate(
        CommandResult result, Argument<string[]> paths, Option<int?> replicas, Option<bool> ifAbsent, Option<string> ifVersion)
    {
        string[] all = [.. result.GetResult(paths)?.Tokens.Select(token => token.Value) ?? []];
        if (all.Length < 2)
        {
            return; // The arity says it.
        }

        bool isUpload = RemotePath.IsRemote(all[^1]);
        if (all[..^1].Any(source => RemotePath.IsRemote(source) == isUpload))
        {
            result.AddError(isUpload
                ? "Both sides are in BigFS: copying there is not possible, go through a local file."
                : "Both sides are local: write the one in BigFS as bigfs:/path.");
        }

        bool hasUploadOption = result.GetResult(replicas) is not null || result.GetResult(ifAbsent) is not null
            || result.GetResult(ifVersion) is not null;
        if (!isUpload && hasUploadOption)
        {
            result.AddError("--replicas, --if-absent and --if-version are for uploads.");
        }
    }

    private static UploadPrecondition Precondition(bool ifAbsent, string? ifVersion)
    {
        if (ifVersion is null)
        {
            return ifAbsent ? UploadPrecondition.Absent : UploadPrecondition.Anything;
        }

        if (ifAbsent)
        {
            throw new UsageException("--if-absent and --if-version exclude each other.");
        }

        return BigFsVersion.TryParse(ifVersion, null, out BigFsVersion version)
            ? UploadPrecondition.Is(version)
            : throw new UsageException($"--if-version \"{ifVersion}\" is no version: 16 hexadecimal digits are expected.");
    }
}
