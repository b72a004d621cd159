using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin status</c>: the whole cluster on one screen.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    public static Command Make(BigFsCommandLine line)
    {
        var watch = new Option<bool>("--watch", "-w") { Description = "Again every two seconds, until Ctrl-C." };
        var command = new Command("status", "Roles, versions, leases, nodes, volumes, and what is wrong.") { watch };
        line.SetServiceAction(command, async (parsed, context, cancellationToken) =>
        {
            bool again = parsed.GetValue(watch);
            while (true)
            {
                BigFsClusterStatus status;
                try
                {
                    status = await context.Environment.Status(context.ClientOptions(), cancellationToken);
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    return ExitCode.Interrupted;
                }
                catch (BigFsException away) when (again && away.IsTransient)
                {
                    context.Report(away, cancellationToken);
                    await Task.Delay(Pause, context.Environment.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    continue;
                }

                Write(context, status, again);
                if (!again)
                {
                    return status.Problems.Count == 0 ? ExitCode.Ok : ExitCode.Other;
                }

                await Task.Delay(Pause, context.Environment.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (cancellationToken.IsCancellationRequested)
                {
                    return ExitCode.Ok;
                }
            }
        });
        return command;
    }

    private static void Write(CommandContext context, BigFsClusterStatus status, bool again)
    {
        if (context.Json)
        {
            context.WriteJson(writer => WriteJson(writer, status));
        }
        else
        {
            if (again && !System.Console.IsOutputRedirected)
            {
                // Home and clear, as terminals have it since the VT100.
                context.Console.Output.Write("\e[H\e[2J");
            }

            WriteText(context.Console.Output, status);
        }

        context.Console.Flush();
    }

    private static void WriteText(TextWriter output, BigFsClusterStatus status)
    {
        foreach (BigFsNameServerStatus one in status.NameServers)
        {
            output.WriteLine(Line("name server", one.Endpoint, one.Failure.Length == 0 ? $"{Number(one.Leases)} leases" : "does not answer"));
        }

        foreach (BigFsInstance one in status.Instances)
        {
            string process = one.LocalProcessId is { } id ? $"pid {Number(id)}" : "";
            output.WriteLine(Line(one.Role, one.Endpoint, $"{one.Version} {process}".Trim()));
        }

        output.WriteLine();
        foreach (BigFsNodeStatus node in status.Nodes)
        {
            output.WriteLine(Line($"node {node.State.ToLowerInvariant()}", node.TransferEndpoint, $"{node.Id}, {Number(node.Volumes)} volumes"));
        }

        string volumes = string.Join(", ", status.Volumes.Where(pair => pair.Value > 0)
            .Select(pair => $"{Number(pair.Value)} {pair.Key.ToLowerInvariant()}"));
        output.WriteLine(Line("volumes", "", volumes.Length > 0 ? volumes : "none known"));
        output.WriteLine();
        output.WriteLine(status.Problems.Count == 0 ? "Nothing is wrong." : "What is wrong:");
        foreach (string problem in status.Problems)
        {
            output.WriteLine(Text.OneLine($"- {problem}"));
        }
    }

    private static void WriteJson(Utf8JsonWriter writer, BigFsClusterStatus status)
    {
        Array("nameServers", status.NameServers, one =>
        {
            writer.WriteString("endpoint", one.Endpoint);
            writer.WriteString("failure", one.Failure);
            writer.WriteNumber("leases", one.Leases);
        });
        Array("roles", status.Instances, one =>
        {
            writer.WriteString("role", one.Role);
            writer.WriteString("id", one.Id);
            writer.WriteString("endpoint", one.Endpoint);
            writer.WriteString("version", one.Version);
            writer.WriteNumber("pid", one.LocalProcessId ?? 0);
        });
        Array("nodes", status.Nodes, node =>
        {
            writer.WriteString("id", node.Id);
            writer.WriteString("state", node.State);
            writer.WriteString("endpoint", node.ControlEndpoint);
            writer.WriteString("transferEndpoint", node.TransferEndpoint);
            writer.WriteNumber("volumes", node.Volumes);
        });
        writer.WriteStartObject("volumes");
        foreach ((string state, int count) in status.Volumes.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(state), count);
        }

        writer.WriteNumber("incomplete", status.IncompleteVolumes);
        writer.WriteEndObject();
        writer.WriteNumber("mapVersion", status.MapVersion);
        writer.WriteNumber("defaultReplicas", status.DefaultReplicas);
        writer.WriteStartArray("problems");
        foreach (string problem in status.Problems)
        {
            writer.WriteStringValue(problem);
        }

        writer.WriteEndArray();

        void Array<T>(string name, IReadOnlyList<T> items, Action<T> write)
        {
            writer.WriteStartArray(name);
            foreach (T item in items)
            {
                writer.WriteStartObject();
                write(item);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }
    }

    private static string Line(string what, string where, string more) => $"{what,-16} {where,-22} {more}".TrimEnd();

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
