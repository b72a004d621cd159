using System.Globalization;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;
using BigFs.Hosting;

namespace BigFs.Cli.Roles;

/// <summary>What <c>bigfs dev</c> says when it is up.</summary>
internal static class DevOutput
{
    public static void TellReady(CommandContext context, DevPlan plan, Uri endpoint, IReadOnlyList<RoleLine> roles)
    {
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteBoolean("ready", true);
                writer.WriteString("endpoint", Address(endpoint));
                if (GatewayOf(roles) is { } gateway)
                {
                    writer.WriteString("gateway", gateway);
                }

                writer.WriteString("data", plan.Folder ?? "");
                writer.WriteNumber("replicas", plan.Replicas);
                writer.WriteNumber("preparedBytesPerNode", plan.PreparedBytesPerNode);
                RoleLine.WriteAll(writer, roles);
            });
        }
        else
        {
            WriteText(context.Console.Output, plan, endpoint, roles);
        }

        context.Console.Flush();
    }

    /// <summary>Where the gateway is, as a browser or curl takes it; null without one.</summary>
    private static string? GatewayOf(IReadOnlyList<RoleLine> roles) =>
        roles.FirstOrDefault(role => role.Role == BigFsRoleNames.Gateway) is { } gateway ? "http://" + gateway.Endpoint : null;

    private static string Address(Uri endpoint) => endpoint.ToString().TrimEnd('/');

    private static void WriteText(TextWriter output, DevPlan plan, Uri endpoint, IReadOnlyList<RoleLine> roles)
    {
        string address = Address(endpoint);
        bool processes = roles.Select(role => role.ProcessId).Distinct().Count() > 1;
        string nodes = plan.Nodes == 1 ? "1 datanode" : string.Create(CultureInfo.InvariantCulture, $"{plan.Nodes} datanodes");
        string replicas = plan.Replicas == 1 ? "1 replica" : string.Create(CultureInfo.InvariantCulture, $"{plan.Replicas} replicas");
        output.WriteLine($"BigFS is up: {nodes}, {replicas} of each file, {(processes ? "a process for each role" : "one process")}.");
        output.WriteLine();
        output.WriteLine($"  endpoint  {address}");
        if (GatewayOf(roles) is { } gateway)
        {
            output.WriteLine($"  gateway   {gateway}");
        }

        output.WriteLine($"  data      {plan.Folder ?? "in memory, gone with this process"}");
        if (plan.Folder is not null)
        {
            output.WriteLine($"  prepared  at most {Text.Size(plan.PreparedBytesPerNode)} of space ahead of need on each datanode,"
                + $" {Text.Size(plan.PreparedBytesPerNode * plan.Nodes)} in all");
        }

        output.WriteLine();
        foreach (RoleLine role in roles)
        {
            output.WriteLine($"  {role.Role,-15} {role.Id,-32} {role.Endpoint,-21} pid {role.ProcessId}");
            if (processes)
            {
                output.WriteLine($"    kill -9 {role.ProcessId}");
                output.WriteLine($"    {role.Command}");
            }
        }

        string at = endpoint == EndpointAddress.Default
            ? ""
            : $" --endpoint {address}";
        output.WriteLine();
        output.WriteLine("Try, in another terminal:");
        output.WriteLine($"  bigfs cp{at} README.md bigfs:/docs/");
        output.WriteLine($"  bigfs ls{at} -l bigfs:/docs");
        output.WriteLine($"  bigfs cat{at} bigfs:/docs/README.md");
        if (GatewayOf(roles) is { } door)
        {
            output.WriteLine($"  curl -T README.md {door}/v1/files/docs/README.md");
            output.WriteLine($"  curl {door}/v1/files/docs/README.md");
        }

        output.WriteLine();
        output.WriteLine(plan.Folder is null ? "Ctrl-C ends it." : "Ctrl-C ends it; the data stay for the next start.");
    }
}
