using System.Net;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;
using BigFs.Hosting;

namespace BigFs.Cli.Roles;

/// <summary>What <c>bigfs dev</c> was asked for, completed by what its data folder remembers and by the defaults.</summary>
internal sealed record DevPlan
{
    /// <summary>The data folder, absolute; null in memory.</summary>
    public required string? Folder { get; init; }

    /// <summary>How many datanodes.</summary>
    public required int Nodes { get; init; }

    /// <summary>How many file servers.</summary>
    public required int FileServers { get; init; }

    /// <summary>The name server's port; 0 for any free one.</summary>
    public required int Port { get; init; }

    /// <summary>What the folder remembers; empty when it is new.</summary>
    public required DevState State { get; init; }

    /// <summary>How events travel.</summary>
    public BusChoice Bus { get; init; } = new();

    /// <summary>Whether a gateway runs, too.</summary>
    public bool Gateway { get; init; }

    /// <summary>The gateway's port: the one that it had before; 0 for any free one.</summary>
    public int GatewayPort => State.Ports.GetValueOrDefault(BigFsRoleNames.Gateway + Listening);

    /// <summary>Behind a role's name: the port that it has for applications, not for roles.</summary>
    public const string Listening = "-listen";

    /// <summary>Replicas of each chunk.</summary>
    public int Replicas => new BigFsClusterOptions { DataNodes = Nodes }.EffectiveReplicas;

    /// <summary>Bytes that each datanode may prepare ahead of need.</summary>
    public long PreparedBytesPerNode { get; } = new BigFsClusterOptions().PreparedBytesPerNode;

    /// <exception cref="BigFsException">InvalidSettings, DataUnreadable.</exception>
    public static DevPlan Make(int? nodes, int? fileServers, string? data, bool inMemory, int? port)
    {
        if (inMemory && data is not null)
        {
            throw new UsageException("--memory and --data exclude each other.");
        }

        string? folder = inMemory ? null : Path.GetFullPath(data ?? DefaultFolder());
        DevState state = (folder is null ? null : DevState.Load(folder)) ?? new DevState();
        int remembered = state.Ports.GetValueOrDefault(BigFsRoleNames.NameServer, EndpointAddress.Default.Port);
        return new DevPlan
        {
            Folder = folder,
            Nodes = InRange("--nodes", nodes ?? (state.Nodes > 0 ? state.Nodes : 3), 1, 64),
            FileServers = InRange("--file-servers", fileServers ?? Math.Max(1, state.FileServers), 1, 16),
            Port = InRange("--port", port ?? remembered, 0, IPEndPoint.MaxPort),
            State = state,
        };
    }

    /// <summary>What a person should know of the numbers before the start.</summary>
    public IEnumerable<string> Remarks()
    {
        if (Replicas == 1)
        {
            yield return "One datanode only: one replica, so each file is kept once and is lost with that datanode.";
        }

        if (Nodes < State.Nodes)
        {
            yield return $"The folder has {State.Nodes} datanodes, {Nodes} of them start: what only the others hold cannot be read.";
        }
    }

    private static int InRange(string setting, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new BigFsException(BigFsErrorCode.InvalidSettings, $"{setting} is {value}; it must be {least} to {most}.");

    private static string DefaultFolder()
    {
        string user = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return user.Length > 0
            ? Path.Combine(user, "bigfs", "dev")
            : throw new UsageException("There is no folder for this user's data: name one with --data.");
    }
}
