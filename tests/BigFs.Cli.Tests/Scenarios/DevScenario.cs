using System.Diagnostics;
using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>What <c>bigfs dev</c> promises about its processes.</summary>
[Category("Scenario")]
internal sealed class DevScenario
{
    // USER_HZ, which Linux shows to programs on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    [Test]
    public async Task Children_end_with_their_parent_even_a_killed_one_and_one_that_was_started_by_hand()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        RoleLine node = cluster.DataNodes[0];
        await ProcessScenario.KillAsync(node);
        await cluster.RestartAsync(node);
        Assert.That(cluster.Roles.Count(role => BigfsProgram.IsAlive(role.ProcessId)), Is.EqualTo(7));

        cluster.Dev.Signal(BigfsProgram.SignalKill);

        await Eventually.TrueAsync(
            () => !cluster.Roles.Any(role => BigfsProgram.IsAlive(role.ProcessId)), "every role has ended", Soon);
        await cluster.StartAgainAsync();
        Assert.That(await cluster.StopAsync(), Is.Zero);
        Assert.That(cluster.Roles.Any(role => BigfsProgram.IsAlive(role.ProcessId)), Is.False);
    }

    [Test]
    public async Task A_killed_child_stays_dead_is_told_and_starts_again_by_its_line()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        RoleLine node = cluster.DataNodes[1];

        await ProcessScenario.KillAsync(node);

        await Eventually.TrueAsync(
            () => cluster.Dev.ErrorLines.Any(line => line.Contains($"pid {node.ProcessId}) was killed by signal 9 and stays down")),
            "dev tells it",
            Soon);
        RoleLine again = await cluster.RestartAsync(node);
        Assert.That((again.Id, again.Endpoint, again.DataDirectory), Is.EqualTo((node.Id, node.Endpoint, node.DataDirectory)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_cluster_in_one_process_answers_soon_stays_small_and_stops_cleanly(bool inMemory)
    {
        ScenarioLevel.Require();
        using var folder = new TemporaryFolder();
        string[] place = inMemory ? ["--memory"] : ["--data", folder.Path];
        var time = Stopwatch.StartNew();
        await using BigfsProgram dev = BigfsProgram.Start(["dev", "--json", "--port", "0", .. place]);
        using var ready = System.Text.Json.JsonDocument.Parse(await dev.ReadLineAsync(Soon));
        var endpoint = new Uri(ready.RootElement.GetProperty("endpoint").GetString()!);
        await using (var client = new BigFsClient(endpoint))
        {
            await client.ListPageAsync(BigFsPath.Root);
        }

        TimeSpan answered = time.Elapsed;
        double idle = await IdleCpuAsync(dev.ProcessId);
        long resident = ResidentMiB(dev.ProcessId);
        time.Restart();
        ProgramResult list = await BigfsProgram.RunAsync("ls", "--endpoint", endpoint.ToString());
        TimeSpan listed = time.Elapsed;
        dev.Signal(BigfsProgram.SignalInterrupt);

        Assert.That((list.ExitCode, await dev.ExitAsync()), Is.EqualTo((0, 0)), string.Join('\n', dev.ErrorLines));
        ScenarioLevel.Figure($"dev {(inMemory ? "in memory" : "on disk")} answered after {answered.TotalSeconds:0.00} s, {resident} MiB resident, {idle:P2} of a core idle; bigfs ls took {listed.TotalSeconds:0.00} s");
        Assert.That(resident, Is.LessThan(150));
        if (ScenarioLevel.IsFull)
        {
            // Only where the machine has nothing else to do.
            Assert.That(answered, Is.LessThan(TimeSpan.FromSeconds(1)), "from the start of the program to the first answer");
        }
    }

    private static long ResidentMiB(int processId) =>
        long.Parse(File.ReadLines($"/proc/{processId}/status")
            .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))["VmRSS:".Length..].Replace("kB", ""), null) >> 10;

    /// <summary>The share of a core that a process takes over ten seconds in which nothing is asked of it.</summary>
    private static async Task<double> IdleCpuAsync(int processId)
    {
        long before = CpuTicks(processId);
        await Task.Delay(IdleTime);
        return (CpuTicks(processId) - before) / (TicksPerSecond * IdleTime.TotalSeconds);
    }

    /// <summary>User and system time of a process: fields 14 and 15, counted from the end of the name in field 2.</summary>
    private static long CpuTicks(int processId)
    {
        string stat = File.ReadAllText($"/proc/{processId}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], null) + long.Parse(fields[12], null);
    }
}
