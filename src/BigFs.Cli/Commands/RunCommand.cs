using System.CommandLine;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Cli.Roles;
using BigFs.Hosting;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs run</c>: roles as a process.</summary>
internal static class RunCommand
{
    /// <summary>Holds the cluster's secret itself, for where there are no files; the argument is stronger.</summary>
    private const string SecretVariable = "BIGFS_CLUSTER_SECRET";

    public static Command Make(BigFsCommandLine line)
    {
        var roles = new Argument<string[]>("role")
        {
            Description = $"One or more of {string.Join(", ", BigFsRoleNames.All)}.",
            Arity = ArgumentArity.OneOrMore,
        };
        var data = new Option<string>("--data") { Description = "The folder for the data.", HelpName = "DIR" };
        var listen = new Option<string>("--listen")
        {
            Description = "Where control listens; default 127.0.0.1:0, any free port. Beyond loopback only with --require-keys.",
            HelpName = "HOST:PORT",
        };
        var transfer = new Option<string>("--transfer-listen")
        {
            Description = "Where a datanode takes and gives chunks; default 127.0.0.1:0. Beyond loopback only with --require-keys.",
            HelpName = "HOST:PORT",
        };
        var nameServer = new Option<string>("--name-server")
        {
            Description = "The name servers, several apart by commas; needed unless it is one of the roles.",
            HelpName = "HOST:PORT",
        };
        var secret = new Option<string>("--cluster-secret")
        {
            Description = $"The file of the cluster's secret, which the node manager makes; needed for {BigFsRoleNames.FileServer}"
                + $" and {BigFsRoleNames.DataNode} unless the variable {SecretVariable} holds the secret.",
            HelpName = "FILE",
        };
        Option<string> certificate = FileOption("--transfer-certificate", "A datanode's certificate: its transfer port is encrypted.");
        Option<string> key = FileOption("--transfer-key", "The private key of the certificate.");
        Option<string> authority = FileOption("--transfer-authority", "The authorities that sign datanodes' certificates.");
        var clientCertificates = new Option<bool>("--transfer-client-certificates")
        {
            Description = "Take only connections that show a certificate of the authorities.",
        };
        var access = new AccessOptions();
        var replicas = NumberOption.Make<int>("--replicas", "N", "Replicas where an upload does not say, 1 to 8; default 2.");
        var prepared = NumberOption.Make<long>("--prepared", "BYTES", "Bytes that a datanode may prepare ahead of need; default 256 MiB.");
        var bus = new BusOptions();
        Option<int?> parent = NumberOption.Make<int>("--parent", "PID", "End with this process.");
        parent.Hidden = true;
        var metadata = new MetadataSetting();
        var command = new Command("run", "Runs roles in this process until SIGINT or SIGTERM.")
        {
            roles, data, listen, transfer, nameServer, secret, certificate, key, authority, clientCertificates, replicas, prepared, parent,
        };
        access.AddTo(command);
        foreach (Option one in metadata.Options)
        {
            command.Options.Add(one);
        }

        bus.AddTo(command);
        line.SetServiceAction(command, (parsed, context, cancellationToken) =>
        {
            var options = new BigFsRoleHostOptions { Roles = parsed.GetValue(roles)! };
            options.Metadata = metadata.Engine(parsed, context.Environment.Variable);
            options.DataDirectory = parsed.GetValue(data) is { } folder ? Path.GetFullPath(folder) : options.DataDirectory;
            options.Listen = parsed.GetValue(listen) ?? options.Listen;
            options.TransferListen = parsed.GetValue(transfer) ?? options.TransferListen;
            options.NameServer = parsed.GetValue(nameServer) ?? options.NameServer;
            options.ClusterSecretFile = FullPath(parsed.GetValue(secret));
            options.ClusterSecret = options.ClusterSecretFile is null ? context.Environment.Variable(SecretVariable) : null;
            options.TransferCertificateFile = FullPath(parsed.GetValue(certificate));
            options.TransferKeyFile = FullPath(parsed.GetValue(key));
            options.TransferAuthorityFile = FullPath(parsed.GetValue(authority));
            options.TransferClientCertificates = parsed.GetValue(clientCertificates);
            access.Apply(parsed, options);
            options.Replicas = parsed.GetValue(replicas) ?? options.Replicas;
            options.PreparedBytesPerNode = parsed.GetValue(prepared) ?? options.PreparedBytesPerNode;
            bus.Read(parsed).Apply(options);
            return RunAsync(context, options, metadata.Again(parsed), parsed.GetValue(parent), cancellationToken);
        });
        return command;
    }

    private static Option<string> FileOption(string name, string description) =>
        new(name) { Description = description, HelpName = "FILE" };

    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

    private static async Task<int> RunAsync(
        CommandContext context,
        BigFsRoleHostOptions options,
        IReadOnlyList<string> metadata,
        int? parent,
        CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watch = parent is { } processId
            ? StopWithParentAsync(processId, ParentWatch.Identify(processId), context, stop)
            : Task.CompletedTask;
        try
        {
            using var logging = new StderrLoggerFactory(context.Console, context.Environment.Time, LogLevel.Information);
            options.LoggerFactory = logging;
            await using BigFsRoleHost host = await BigFsRoleHost.StartAsync(options, stop.Token);
            string again = ThisProgram.Current().CommandLine([.. RunArguments.Make(options, parent), .. metadata]);
            TellReady(context, [.. host.Roles.Select(role => RoleLine.Of(role, again))]);
            await Until.CancelledAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop before it was ready: that is a clean end, too.
        }
        finally
        {
            await stop.CancelAsync();
            await watch;
        }

        return ExitCode.Ok;
    }

    private static async Task StopWithParentAsync(
        int processId, string identity, CommandContext context, CancellationTokenSource stop)
    {
        try
        {
            await ParentWatch.WaitForEndAsync(processId, identity, context.Environment.Time, stop.Token);
            context.Console.Error.WriteLine($"bigfs: the process {processId} that this role belongs to is gone; stopping.");
            await stop.CancelAsync();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped for another reason.
        }
    }

    private static void TellReady(CommandContext context, IReadOnlyList<RoleLine> roles)
    {
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteBoolean("ready", true);
                RoleLine.WriteAll(writer, roles);
            });
        }
        else
        {
            string list = string.Join(", ", roles.Select(role => $"{role.Role} {role.Id} at {role.Endpoint}"));
            context.Console.Output.WriteLine(Text.OneLine($"Ready: {list} (pid {Environment.ProcessId})."));
        }

        context.Console.Flush();
    }
}
