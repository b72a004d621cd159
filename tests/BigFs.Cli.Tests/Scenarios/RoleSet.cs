using BigFs.Cli.Roles;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// The full set of roles as processes of <c>bigfs run</c>, each started, stopped and killed on its own: a name server, a
/// metadata server, a node manager, two file servers, three datanodes, a gateway.
/// </summary>
internal sealed class RoleSet : IAsyncDisposable
{
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _folder = new();
    private readonly string[] _bus;
    private readonly Dictionary<string, string[]> _commands = [];
    private readonly Dictionary<string, BigfsProgram> _running = [];
    private readonly List<BigfsProgram> _ended = [];

    /// <summary>A set whose folder is new.</summary>
    /// <param name="bus">What says by which bus events travel: nothing for the relay.</param>
    public RoleSet(params string[] bus)
    {
        _bus = bus;
        int[] ports = FreePorts(14);
        Endpoint = $"bigfs://127.0.0.1:{ports[0]}";
        BigFsClusterSecretFile.Prepare(_folder.At("cluster-secret"));
        Add("name-server", ports[0]);
        Add("metadata-server", ports[1]);
        Add("node-manager", ports[2]);
        Add("file-server-1", ports[3]);
        Add("file-server-2", ports[4]);
        for (int i = 0; i < 3; i++)
        {
            Add($"datanode-{i + 1}", ports[5 + i], "--transfer-listen", $"127.0.0.1:{ports[8 + i]}");
        }

        Add(
            BigFsRoleNames.Gateway,
            ports[11],
            "--gateway-listen",
            $"127.0.0.1:{ports[12]}",
            "--http-listen",
            $"127.0.0.1:{ports[13]}");
        GatewayMetrics = new Uri($"http://127.0.0.1:{ports[13]}/metrics");
        GatewayEndpoint = $"http://127.0.0.1:{ports[12]}";
    }

    /// <summary>The endpoint for clients.</summary>
    public string Endpoint { get; }

    /// <summary>Where the gateway takes plain HTTP and gRPC.</summary>
    public string GatewayEndpoint { get; }

    /// <summary>Where the gateway shows its metrics.</summary>
    public Uri GatewayMetrics { get; }

    /// <summary>The roles' names, in the order of the table in docs/architecture.md.</summary>
    public IReadOnlyList<string> Names => [.. _commands.Keys];

    /// <summary>The processes that run.</summary>
    public IReadOnlyDictionary<string, int> ProcessIds => _running.ToDictionary(pair => pair.Key, pair => pair.Value.ProcessId);

    /// <summary>Starts one; returns at once.</summary>
    public void Start(string name) => _running[name] = BigfsProgram.Start(_commands[name]);

    /// <summary>Returns when it says that it is ready.</summary>
    public Task ReadyAsync(string name) => _running[name].ReadLineAsync(ReadyDeadline);

    /// <summary>kill -9, and waits until the process is gone.</summary>
    public Task KillAsync(string name) => EndAsync(name, BigfsProgram.SignalKill);

    /// <summary>SIGTERM, and waits until the process has ended, which must be cleanly.</summary>
    public async Task StopAsync(string name) => Assert.That(await EndAsync(name, BigfsProgram.SignalTerminate), Is.Zero, name);

    /// <summary>SIGSTOP or SIGCONT.</summary>
    public void Pause(string name, bool on) =>
        _running[name].Signal(on ? BigfsProgram.SignalStop : BigfsProgram.SignalContinue);

    public async ValueTask DisposeAsync()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed)
        {
            foreach ((string name, BigfsProgram program) in _running)
            {
                await TestContext.Out.WriteLineAsync($"{name}:\n{string.Join('\n', program.ErrorLines.TakeLast(20))}");
            }
        }

        foreach (BigfsProgram program in _running.Values.Concat(_ended))
        {
            await program.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static int[] FreePorts(int count)
    {
        int from = Ports.Anywhere;
        var found = new List<int>();
        while (found.Count < count)
        {
            found.Add(Ports.NextFree(from, found));
        }

        return [.. found];
    }

    private void Add(string name, int port, params string[] more)
    {
        string role = BigFsRoleNames.All.Single(known => name == known || name.StartsWith(known + "-", StringComparison.Ordinal));
        string address = $"127.0.0.1:{port}";
        List<string> command = ["run", role, "--listen", address, "--json", .. more];
        if (role == BigFsRoleNames.NameServer)
        {
            _commands[name] = [.. command];
            return;
        }

        command.AddRange(["--name-server", Endpoint["bigfs://".Length..], "--data", _folder.At(name), .. _bus]);
        if (role != BigFsRoleNames.MetadataServer)
        {
            command.AddRange(["--cluster-secret", _folder.At("cluster-secret")]);
        }

        _commands[name] = [.. command];
    }

    private async Task<int> EndAsync(string name, int signal)
    {
        BigfsProgram program = _running[name];
        _running.Remove(name);
        _ended.Add(program);
        program.Signal(signal);
        return await program.ExitAsync();
    }
}
