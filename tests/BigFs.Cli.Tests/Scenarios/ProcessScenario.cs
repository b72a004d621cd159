using System.Text.Json;
using BigFs.Cli.Roles;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// A cluster of real processes (<c>bigfs dev --processes</c>) in a folder of its own: roles are killed by their process
/// ids and started again by the lines that the ready line gave.
/// </summary>
internal sealed class ProcessScenario : IAsyncDisposable
{
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(90);

    private readonly TemporaryFolder _folder = new();
    private readonly List<BigfsProgram> _restarted = [];
    private BigfsProgram? _dev;

    /// <summary>The endpoint for clients; stays over restarts.</summary>
    public string Endpoint { get; private set; } = "";

    /// <summary>The roles as they run now.</summary>
    public List<RoleLine> Roles { get; } = [];

    /// <summary>The datanodes as they run now.</summary>
    public IReadOnlyList<RoleLine> DataNodes => [.. Roles.Where(role => role.Role == BigFsRoleNames.DataNode)];

    /// <summary>Where the cluster keeps its data.</summary>
    public string Data => _folder.At("data");

    /// <summary>The process that the roles belong to.</summary>
    public BigfsProgram Dev => _dev!;

    /// <summary>What the cluster said on standard error, restarted roles included.</summary>
    public IEnumerable<string> Events => _restarted.Append(Dev).SelectMany(program => program.ErrorLines);

    public static async Task<ProcessScenario> StartAsync(int nodes = 3, params string[] more)
    {
        var scenario = new ProcessScenario();
        try
        {
            await scenario.StartDevAsync(["--nodes", nodes.ToString(null, null), "--port", "0", .. more]);
            return scenario;
        }
        catch
        {
            await scenario.DisposeAsync();
            throw;
        }
    }

    /// <summary>A file of this scenario outside the cluster.</summary>
    public string Local(string name) => _folder.At(name);

    /// <summary>Runs a client command to its end.</summary>
    public Task<ProgramResult> RunAsync(params string[] arguments) => BigfsProgram.RunAsync([.. arguments, "--endpoint", Endpoint]);

    /// <summary>Starts a client command.</summary>
    public BigfsProgram Start(params string[] arguments) => BigfsProgram.Start([.. arguments, "--endpoint", Endpoint]);

    /// <summary>A client in this process.</summary>
    public BigFsClient Connect() => new(new Uri(Endpoint));

    /// <summary>kill -9, and waits until the process is gone.</summary>
    public static Task KillAsync(RoleLine role)
    {
        BigfsProgram.Signal(role.ProcessId, BigfsProgram.SignalKill);
        return GoneAsync(role);
    }

    /// <summary>Starts a killed role again by its own line; returns when it says that it is ready.</summary>
    public async Task<RoleLine> RestartAsync(RoleLine role)
    {
        BigfsProgram program = BigfsProgram.StartLine(role.Command + " --json");
        _restarted.Add(program);
        RoleLine ready = RoleLine.ReadAll(await program.ReadLineAsync(ReadyDeadline)).Single() with { Command = role.Command };
        Roles[Roles.IndexOf(role)] = ready;
        return ready;
    }

    /// <summary>kill -9 of every process, the one that started them first.</summary>
    public async Task KillAllAsync()
    {
        Dev.Signal(BigfsProgram.SignalKill);
        foreach (RoleLine role in Roles)
        {
            BigfsProgram.Signal(role.ProcessId, BigfsProgram.SignalKill);
        }

        await Dev.ExitAsync();
        await Task.WhenAll(Roles.Select(GoneAsync));
    }

    /// <summary>Starts the whole set again on its data.</summary>
    public async Task StartAgainAsync()
    {
        string before = Endpoint;
        await DisposeProgramsAsync();
        await StartDevAsync();
        Assert.That(Endpoint, Is.EqualTo(before), "a second start has the same endpoint");
    }

    /// <summary>Stops cleanly; the exit code of the whole.</summary>
    public async Task<int> StopAsync()
    {
        Dev.Signal(BigfsProgram.SignalTerminate);
        return await Dev.ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed)
        {
            await TestContext.Out.WriteLineAsync(string.Join('\n', Events.TakeLast(200)));
        }

        if (_dev is not null && BigfsProgram.IsAlive(_dev.ProcessId))
        {
            await StopAsync();
        }

        await DisposeProgramsAsync();
        _folder.Dispose();
    }

    private static Task GoneAsync(RoleLine role) => Eventually.TrueAsync(
        () => !BigfsProgram.IsAlive(role.ProcessId), $"{role.Role} {role.ProcessId} is gone", TimeSpan.FromSeconds(20));

    private async Task StartDevAsync(params string[] arguments)
    {
        _dev = BigfsProgram.Start(["dev", "--processes", "--data", Data, "--json", .. arguments]);
        string line = await _dev.ReadLineAsync(ReadyDeadline);
        using var ready = JsonDocument.Parse(line);
        Endpoint = ready.RootElement.GetProperty("endpoint").GetString()!;
        Roles.Clear();
        Roles.AddRange(RoleLine.ReadAll(line));
    }

    private async Task DisposeProgramsAsync()
    {
        foreach (BigfsProgram program in _restarted)
        {
            await program.DisposeAsync();
        }

        _restarted.Clear();
        if (_dev is not null)
        {
            await _dev.DisposeAsync();
        }
    }
}
