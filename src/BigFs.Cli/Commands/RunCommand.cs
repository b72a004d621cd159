using System.CommandLine;
using BigFs.Cli.Diagnostics;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Cli.Roles;
using BigFs.Cli.Settings;
using BigFs.Hosting;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs run</c>: roles as a process.</summary>
internal static class RunCommand
{
    public static Command Make(BigFsCommandLine line)
    {
        var roles = new Argument<string[]>("role")
        {
            Description = $"One or more of {string.Join(", ", BigFsRoleNames.All)}, unless the file or the environment names them.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var settings = new RunOptionSet();
        var metadata = new MetadataSetting();
        var config = new Option<string>("--config")
        {
            Description = "A JSON file with the settings in a section \"BigFs\"; variables BIGFS_... and arguments are stronger.",
            HelpName = "FILE",
        };
        Option<int?> parent = NumberOption.Make<int>("--parent", "PID", "End with this process.");
        parent.Hidden = true;
        var command = new Command("run", "Runs roles in this process until SIGINT or SIGTERM.") { roles, config };
        foreach (Option option in settings.All.Concat(metadata.Options).Append(parent))
        {
            command.Add(option);
        }

        line.SetServiceAction(command, async (parsed, context, cancellationToken) =>
        {
            Dictionary<string, string> arguments = settings.Given(parsed);
            if (parsed.GetValue(roles) is { Length: > 0 } named)
            {
                arguments["Roles"] = string.Join(',', named);
            }

            var configuration = RunConfiguration.Read(parsed.GetValue(config), context.Environment.Variables(), arguments);
            try
            {
                RunOptions options = configuration.ToOptions();
                options.Host.Metadata = metadata.Engine(parsed, context.Environment.Variable);
                return await RunAsync(context, options, metadata.Again(parsed), parsed.GetValue(parent), cancellationToken);
            }
            catch (BigFsException problem)
            {
                throw configuration.Explain(problem);
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(
        CommandContext context, RunOptions options, IReadOnlyList<string> metadata, int? parent, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watch = parent is { } processId
            ? StopWithParentAsync(processId, ParentWatch.Identify(processId), context, stop)
            : Task.CompletedTask;
        try
        {
            using var logging = new StderrLoggerFactory(
                context.Console, context.Environment.Time, LogLevel.Information, options.LogFormat == LogFormats.Json);
            options.Host.LoggerFactory = logging;
            options.Host.Validate();
            await using RoleTelemetry telemetry = await RoleTelemetry.StartAsync(options, logging, stop.Token);
            await using BigFsRoleHost host = await BigFsRoleHost.StartAsync(options.Host, stop.Token);
            telemetry.Watch(host);
            string again = ThisProgram.Current().CommandLine([.. RunArguments.Make(options, parent), .. metadata]);
            TellReady(context, [.. host.Roles.Select(role => RoleLine.Of(role, again))], telemetry.Endpoint);
            SystemdNotifier.Ready(context.Environment.Variable);
            await new RestingMemory(context.Environment.Time).UntilCancelledAsync(stop.Token);
            SystemdNotifier.Stopping(context.Environment.Variable);
            telemetry.Watch(null);
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

    private static void TellReady(CommandContext context, IReadOnlyList<RoleLine> roles, string http)
    {
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteBoolean("ready", true);
                if (http.Length > 0)
                {
                    writer.WriteString("http", http);
                }

                RoleLine.WriteAll(writer, roles);
            });
        }
        else
        {
            string list = string.Join(", ", roles.Select(role => $"{role.Role} {role.Id} at {role.Endpoint}"));
            string health = http.Length > 0 ? $"; health and metrics at http://{http}" : "";
            context.Console.Output.WriteLine(Text.OneLine($"Ready: {list} (pid {Environment.ProcessId}){health}."));
        }

        context.Console.Flush();
    }
}
