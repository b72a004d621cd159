using BigFs.Cli.Paths;
using BigFs.Hosting;

namespace BigFs.Cli.Roles;

/// <summary>
/// A cluster whose every role is a process of its own, on ports that the data folder remembers. All start at once; each
/// waits by itself for those that it needs. One that dies stays dead.
/// </summary>
internal sealed class DevProcesses(CommandContext context, DevPlan plan) : IAsyncDisposable
{
    private const string Transfer = "-transfer";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stopping = new();
    private readonly List<RoleProcess> _processes = [];
    private readonly List<Task> _watches = [];

    /// <summary>The endpoint for clients.</summary>
    public Uri Endpoint { get; private set; } = EndpointAddress.OfPort(plan.Port);

    /// <summary>The roles, once all are ready.</summary>
    public IReadOnlyList<RoleLine> Roles { get; private set; } = [];

    /// <summary>Starts every role and returns when the cluster answers.</summary>
    /// <exception cref="BigFsException">What stopped a role, or TimedOut.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        string folder = plan.Folder!;
        Directory.CreateDirectory(folder);
        Endpoint = EndpointAddress.OfPort(AssignPorts(folder));
        BigFsClusterSecretFile.Prepare(SecretFile(folder));
        foreach (string name in Names())
        {
            _processes.Add(RoleProcess.Start(name, RunArguments.Make(OptionsOf(name, folder), Environment.ProcessId), context));
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StartTimeout);
        try
        {
            IReadOnlyList<RoleLine>[] ready = await AllOrFirstFailureAsync(deadline.Token);
            Roles = [.. ready.SelectMany(roles => roles)];
            await AnswersAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BigFsException(
                BigFsErrorCode.TimedOut, $"The cluster was not ready within {StartTimeout.TotalSeconds:0} s.")
            {
                Endpoint = Endpoint.ToString(),
            };
        }

        _watches.AddRange(_processes.Select(process => process.TellEndAsync(context, _stopping.Token)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_processes.Select(process => process.DisposeAsync().AsTask()));
        await Task.WhenAll(_watches);
        _stopping.Dispose();
    }

    /// <summary>The names of folders and ports: the role, datanodes and further file servers with their number.</summary>
    private IEnumerable<string> Names() =>
    [
        .. BigFsRoleNames.All.Where(role => role != BigFsRoleNames.DataNode && (plan.Gateway || role != BigFsRoleNames.Gateway)),
        .. Enumerable.Range(2, plan.FileServers - 1).Select(number => $"{BigFsRoleNames.FileServer}-{number}"),
        .. Enumerable.Range(1, plan.Nodes).Select(number => $"{BigFsRoleNames.DataNode}-{number}"),
    ];

    /// <summary>Gives whatever listens a port, the one that it had before if it had one, and keeps them all.</summary>
    /// <returns>The name server's.</returns>
    private int AssignPorts(string folder)
    {
        SortedDictionary<string, int> ports = plan.State.Ports;
        ports[BigFsRoleNames.NameServer] = plan.Port != 0 ? plan.Port : Ports.NextFree(Ports.Anywhere, ports.Values);
        IEnumerable<string> listeners = Names().SelectMany(name =>
            name.StartsWith(BigFsRoleNames.DataNode, StringComparison.Ordinal) ? [name, name + Transfer]
            : name == BigFsRoleNames.Gateway ? [name, name + DevPlan.Listening]
            : new[] { name });
        foreach (string listener in listeners)
        {
            if (!ports.ContainsKey(listener))
            {
                ports[listener] = Ports.NextFree(ports[BigFsRoleNames.NameServer] + 1, ports.Values);
            }
        }

        (plan.State with { Nodes = plan.Nodes, FileServers = plan.FileServers }).Save(folder);
        return ports[BigFsRoleNames.NameServer];
    }

    /// <summary>The same as of a cluster in one process.</summary>
    private static string SecretFile(string folder) => Path.Combine(folder, BigFsClusterSecretFile.Name);

    private BigFsRoleHostOptions OptionsOf(string name, string folder)
    {
        SortedDictionary<string, int> ports = plan.State.Ports;
        string role = BigFsRoleNames.All.Single(known => name == known || name.StartsWith(known + "-", StringComparison.Ordinal));
        bool isDataNode = role == BigFsRoleNames.DataNode;
        var options = new BigFsRoleHostOptions
        {
            Roles = [role],
            DataDirectory = Path.Combine(folder, name),
            Listen = $"127.0.0.1:{ports[name]}",
            Replicas = plan.Replicas,
            PreparedBytesPerNode = plan.PreparedBytesPerNode,
            ClusterSecretFile = role is BigFsRoleNames.DataNode or BigFsRoleNames.FileServer or BigFsRoleNames.NodeManager
                ? SecretFile(folder)
                : null,
        };
        options.NameServer = name == BigFsRoleNames.NameServer ? null : $"127.0.0.1:{ports[BigFsRoleNames.NameServer]}";
        options.TransferListen = isDataNode ? $"127.0.0.1:{ports[name + Transfer]}" : options.TransferListen;
        options.Gateway.Listen = role == BigFsRoleNames.Gateway ? $"127.0.0.1:{ports[name + DevPlan.Listening]}" : options.Gateway.Listen;
        plan.Bus.Apply(options);
        return options;
    }

    private async Task<IReadOnlyList<RoleLine>[]> AllOrFirstFailureAsync(CancellationToken cancellationToken)
    {
        await foreach (Task<IReadOnlyList<RoleLine>> ready in Task.WhenEach(_processes.Select(process => process.Ready))
            .WithCancellation(cancellationToken))
        {
            await ready;
        }

        return await Task.WhenAll(_processes.Select(process => process.Ready));
    }

    /// <summary>Returns when the root can be listed: names, file server and metadata are there.</summary>
    private async Task AnswersAsync(CancellationToken cancellationToken)
    {
        IBigFsClient client = context.Environment.Connect(Endpoint, null);
        try
        {
            await Retry.WhileTransientAsync(
                () => client.ListPageAsync(BigFsPath.Root, new ListOptions { PageSize = 1 }, cancellationToken),
                context.Environment.Time,
                cancellationToken);
        }
        finally
        {
            if (client is IAsyncDisposable disposable)
            {
                await disposable.DisposeAsync();
            }
        }
    }
}
