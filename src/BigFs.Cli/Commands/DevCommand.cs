using System.CommandLine;
using System.Globalization;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;
using BigFs.Cli.Roles;
using BigFs.Hosting;
using BigFs.Hosting.Gateway;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs dev</c>: a whole cluster on this machine.</summary>
internal static class DevCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var nodes = NumberOption.Make<int>("--nodes", "N", "Datanodes, 1 to 64; default 3.");
        var fileServers = NumberOption.Make<int>("--file-servers", "N", "File servers, 1 to 16; default 1.");
        var data = new Option<string>("--data")
        {
            Description = "The data folder; default a folder of this user that stays.",
            HelpName = "DIR",
        };
        var memory = new Option<bool>("--memory") { Description = "Keep everything in memory; nothing survives the end." };
        var port = NumberOption.Make<int>(
            "--port", "P", $"The port of the endpoint; default that of the last start, else {EndpointAddress.Default.Port}; 0 for any free one.");
        var processes = new Option<bool>("--processes") { Description = "A process for each role, to try failures." };
        var gateway = new Option<bool>("--gateway") { Description = "A gateway, too: files over plain HTTP." };
        var bus = new BusOptions();
        var command = new Command("dev", "Runs a whole cluster on this machine until SIGINT or SIGTERM.")
        {
            nodes, fileServers, data, memory, port, processes, gateway,
        };
        bus.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(memory) && result.GetValue(processes))
            {
                result.AddError("--memory and --processes exclude each other: processes share data through their folders.");
            }
        });
        line.SetServiceAction(command, async (parsed, context, cancellationToken) =>
        {
            DevPlan plan = DevPlan.Make(
                parsed.GetValue(nodes),
                parsed.GetValue(fileServers),
                parsed.GetValue(data),
                parsed.GetValue(memory),
                parsed.GetValue(port)) with
            {
                Bus = bus.Read(parsed),
                Gateway = parsed.GetValue(gateway),
            };
            foreach (string remark in plan.Remarks())
            {
                context.Console.Error.WriteLine($"bigfs: {remark}");
            }

            try
            {
                await (parsed.GetValue(processes)
                    ? RunProcessesAsync(context, plan, cancellationToken)
                    : RunInProcessAsync(context, plan, cancellationToken));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Asked to stop before it was ready: that is a clean end, too.
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task RunInProcessAsync(CommandContext context, DevPlan plan, CancellationToken cancellationToken)
    {
        using var logging = new StderrLoggerFactory(context.Console, context.Environment.Time, LogLevel.Information);
        var options = new BigFsClusterOptions
        {
            DataNodes = plan.Nodes,
            FileServers = plan.FileServers,
            Replicas = plan.Replicas,
            DataDirectory = plan.Folder,
            InMemory = plan.Folder is null,
            Listen = true,
            Port = plan.Port,
            PreparedBytesPerNode = plan.PreparedBytesPerNode,
            LoggerFactory = logging,
        };
        plan.Bus.Apply(options);
        if (plan.Gateway)
        {
            options.UseGateway(gateway => gateway.Listen = $"127.0.0.1:{plan.GatewayPort}");
        }

        await using BigFsCluster cluster = await BigFsCluster.StartAsync(options, cancellationToken);
        Uri endpoint = cluster.Endpoint!;
        if (plan.Folder is not null)
        {
            plan.State.Ports[BigFsRoleNames.NameServer] = endpoint.Port;
            if (cluster.Roles.FirstOrDefault(role => role.Role == BigFsRoleNames.Gateway) is { } door)
            {
                plan.State.Ports[BigFsRoleNames.Gateway + DevPlan.Listening] = new Uri("http://" + door.Endpoint).Port;
            }

            (plan.State with { Nodes = plan.Nodes, FileServers = plan.FileServers }).Save(plan.Folder);
        }

        DevOutput.TellReady(context, plan, endpoint, [.. cluster.Roles.Select(role => RoleLine.Of(role, Again(plan, endpoint)))]);
        await new RestingMemory(context.Environment.Time).UntilCancelledAsync(cancellationToken);
    }

    private static string Again(DevPlan plan, Uri endpoint)
    {
        string[] place = plan.Folder is null ? ["--memory"] : ["--data", plan.Folder];
        return ThisProgram.Current().CommandLine(
            [
                "dev", "--nodes", Number(plan.Nodes), "--file-servers", Number(plan.FileServers), "--port", Number(endpoint.Port),
                .. place, .. plan.Gateway ? ["--gateway"] : Array.Empty<string>(), .. plan.Bus.Arguments,
            ]);
    }

    private static async Task RunProcessesAsync(CommandContext context, DevPlan plan, CancellationToken cancellationToken)
    {
        await using var cluster = new DevProcesses(context, plan);
        await cluster.StartAsync(cancellationToken);
        DevOutput.TellReady(context, plan, cluster.Endpoint, cluster.Roles);
        await new RestingMemory(context.Environment.Time).UntilCancelledAsync(cancellationToken);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
