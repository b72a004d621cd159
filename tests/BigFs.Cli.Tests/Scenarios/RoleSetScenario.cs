using System.Diagnostics;
using System.Globalization;
using BigFs.Cli.Bench;
using BigFs.Hosting;
using BigFs.Hosting.Tests.Messaging;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// The full set of roles: started in any order, at rest, and with each role in turn killed, paused and replaced under
/// load. Where two of a role run no operation fails; where one runs operations wait for it.
/// </summary>
[Category("Scenario")]
internal sealed class RoleSetScenario
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private const double MostIdleCores = 0.05;
    private const long MostResidentBytes = 120L << 20;

    [TestCase("relay")]
    [TestCase("kafka")]
    public async Task The_full_set_started_in_any_order_serves_within_five_seconds_of_the_last_start_and_rests(string bus)
    {
        ScenarioLevel.Require();
        string[] arguments = bus == "kafka"
            ? ["--bus", bus, "--kafka", TestBroker.RequireAddress(), "--kafka-prefix", $"scenario-{Guid.NewGuid():N}."]
            : [];
        var random = new Random(ScenarioLevel.Seed);
        for (int round = 1; round <= ScenarioLevel.Of(1, 2); round++)
        {
            await using var set = new RoleSet(arguments);
            string[] order = [.. set.Names];
            random.Shuffle(order);
            await TestContext.Out.WriteLineAsync($"ORDER {string.Join(' ', order)}");
            foreach (string name in order)
            {
                set.Start(name);
                await Task.Delay(random.Next(500));
            }

            double seconds = await FirstWriteAsync(set.Endpoint);
            ScenarioLevel.Figure($"the full set of processes with {bus} serves {seconds:0.0} s after the last start");
            Assert.That(seconds, Is.LessThan(ScenarioLevel.Of(20.0, 5.0)));
            await RestsAsync($"processes with {bus}", set.ProcessIds);
        }
    }

    [Test]
    public async Task The_full_set_in_one_process_serves_within_five_seconds_and_rests()
    {
        ScenarioLevel.Require();
        using var folder = new TemporaryFolder();
        long start = Stopwatch.GetTimestamp();
        await using BigfsProgram dev = BigfsProgram.Start(
            "dev", "--data", folder.At("data"), "--file-servers", "2", "--nodes", "3", "--port", "0", "--json");
        using var ready = System.Text.Json.JsonDocument.Parse(await dev.ReadLineAsync(TimeSpan.FromSeconds(60)));
        await FirstWriteAsync(ready.RootElement.GetProperty("endpoint").GetString()!);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ScenarioLevel.Figure($"the full set in one process serves {seconds:0.0} s after its start");
        Assert.That(seconds, Is.LessThan(ScenarioLevel.Of(20.0, 5.0)));
        await RestsAsync("one process", new Dictionary<string, int> { ["dev"] = dev.ProcessId });
    }

    [Test]
    public async Task A_file_server_that_was_killed_is_forgotten_by_the_gateway_within_five_seconds()
    {
        ScenarioLevel.Require();
        await using var set = new RoleSet();
        foreach (string name in set.Names)
        {
            set.Start(name);
        }

        using var http = new HttpClient();
        foreach (string victim in ScenarioLevel.IsFull
            ? Enumerable.Range(0, 10).Select(round => $"file-server-{1 + (round % 2)}")
            : ["file-server-2"])
        {
            await KnowsAsync(2);
            await set.KillAsync(victim);
            long killed = Stopwatch.GetTimestamp();
            await KnowsAsync(1);
            double seconds = Stopwatch.GetElapsedTime(killed).TotalSeconds;
            ScenarioLevel.Figure($"the gateway forgets {victim} {seconds:0.0} s after its death");
            Assert.That(seconds, Is.LessThan(ScenarioLevel.Of(20.0, 5.0)));
            set.Start(victim);
        }

        Task KnowsAsync(int count) => Eventually.TrueAsync(
            async () => await FileServersAsync(http, set.GatewayMetrics) == count, $"{count} file servers", TimeSpan.FromSeconds(60));
    }

    [Test]
    public async Task Killing_pausing_and_replacing_each_role_under_load_fails_no_operation()
    {
        ScenarioLevel.Require();
        await using var set = new RoleSet();
        foreach (string name in set.Names)
        {
            set.Start(name);
        }

        await FirstWriteAsync(set.Endpoint);
        await using var load = new SteadyLoad(set.Endpoint, Patience);
        await using var through = new SteadyLoad(set.GatewayEndpoint, Patience, "/load/gateway", isOnlyDoor: true);
        await using var http = new GatewayLoad(set.GatewayEndpoint, Patience) { IsGatewayAway = true };
        await load.NextRoundAsync(Patience);
        await through.NextRoundAsync(Patience);
        await http.NextAsync(Patience);
        http.IsGatewayAway = false;

        // In short one of those of which there are several.
        string[] turns = ScenarioLevel.IsFull
            ? [.. set.Names]
            : ["name-server", "metadata-server", "node-manager", "file-server-1", "datanode-1", "gateway"];
        foreach (string name in turns)
        {
            await TurnAsync(name, "killed", async () =>
            {
                await set.KillAsync(name);
                await Task.Delay(ScenarioLevel.Of(300, 3000));
                set.Start(name);
                await set.ReadyAsync(name);
            });
        }

        string[] paused = ScenarioLevel.IsFull ? [.. set.Names] : ["metadata-server", "file-server-2"];
        foreach (string name in paused)
        {
            await TurnAsync(name, "paused", async () =>
            {
                set.Pause(name, on: true);
                await Task.Delay(ScenarioLevel.Of(1000, 30_000));
                set.Pause(name, on: false);
            });
        }

        foreach (string name in ScenarioLevel.IsFull ? [.. set.Names] : new[] { "node-manager", "file-server-2", "gateway" })
        {
            await TurnAsync(name, "replaced", async () =>
            {
                await set.StopAsync(name);
                set.Start(name);
                await set.ReadyAsync(name);
            });
        }

        await load.FinishAsync();
        await through.FinishAsync();
        await using (var client = new BigFsClient(new Uri(set.Endpoint)))
        {
            await http.FinishAsync(client);
        }

        foreach ((string what, AcknowledgementLog log, int failed) in new[]
        {
            ("by the SDK", load.Log, load.Failures.Count),
            ("by the SDK through the gateway", through.Log, through.Failures.Count),
            ("by HTTP", http.Log, http.Failures.Count),
        })
        {
            ScenarioLevel.Figure($"{what}: {log.Acknowledged} uploads acknowledged and found, {failed} operations failed, {log.Unknown} of unknown outcome");
        }

        ScenarioLevel.Figure($"{http.Away} operations by HTTP were refused or cut while the only gateway was away");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(load.Failures, Is.Empty);
            Assert.That(through.Failures, Is.Empty);
            Assert.That(http.Failures, Is.Empty);
        }

        async Task TurnAsync(string name, string what, Func<Task> disturb)
        {
            load.TakeLongest();
            through.TakeLongest();
            int failed = load.Failures.Count + through.Failures.Count + http.Failures.Count;
            int byHttp = http.Succeeded;
            http.IsGatewayAway = name == BigFsRoleNames.Gateway;
            await disturb();
            await load.NextRoundAsync(Patience);
            await through.NextRoundAsync(Patience);
            await http.NextAsync(Patience);
            http.IsGatewayAway = false;
            int direct = load.Succeeded, gateway = through.Succeeded;
            failed = load.Failures.Count + through.Failures.Count + http.Failures.Count - failed;
            ScenarioLevel.Figure(
                $"{name} {what}: {direct} operations, longest {load.TakeLongest():0.0} s; through the gateway {gateway}, longest {through.TakeLongest():0.0} s; by HTTP {http.Succeeded - byHttp}; {failed} failed");
        }
    }

    /// <summary>Writes a file as soon as that is possible; seconds that it took.</summary>
    private static async Task<double> FirstWriteAsync(string endpoint)
    {
        long start = Stopwatch.GetTimestamp();
        await using var client = new BigFsClient(new Uri(endpoint));
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await client.UploadAsync("/load/first", new MemoryStream([1]));
                    return true;
                }
                catch (BigFsException early) when (early.IsTransient || early.Code == BigFsErrorCode.NotEnoughNodes)
                {
                    return false;
                }
            },
            "the first write",
            TimeSpan.FromSeconds(60));
        await client.DeleteAsync("/load/first");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>How many file servers a gateway knows; none where it does not answer.</summary>
    private static async Task<int> FileServersAsync(HttpClient http, Uri metrics)
    {
        try
        {
            string text = await http.GetStringAsync(metrics);
            string? line = text.Split('\n').SingleOrDefault(one => one.StartsWith("bigfs_gateway_file_servers", StringComparison.Ordinal));
            return line is null ? 0 : int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    /// <summary>Measures a set that nobody asks anything.</summary>
    private static async Task RestsAsync(string what, IReadOnlyDictionary<string, int> processes)
    {
        // What was begun at the start has time to end; where little runs, the compiler goes on improving it for more than a minute.
        await Task.Delay(TimeSpan.FromSeconds(ScenarioLevel.Of(1, 90)));
        double before = CpuOf(processes.Values);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(ScenarioLevel.Of(2, 20)));
        double cores = (CpuOf(processes.Values) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        (string Name, long Bytes)[] resident = [.. processes.Select(pair => (pair.Key, ResidentBytes(pair.Value)))];
        string each = string.Join(", ", resident.Select(one => $"{one.Name} {(one.Bytes >> 20).ToString(CultureInfo.InvariantCulture)} MiB"));
        ScenarioLevel.Figure($"{what} at rest: {100 * cores:0.0} % of one core; resident {each}");
        using (Assert.EnterMultipleScope())
        {
            // A short look counts ticks of 10 ms, and what the compiler does after the start.
            Assert.That(cores, Is.LessThan(ScenarioLevel.Of(10, 1) * MostIdleCores));
            int roles = processes.Count == 1 ? 8 : 1;
            Assert.That(resident.Max(one => one.Bytes), Is.LessThan(roles * MostResidentBytes));
        }
    }

    private static double CpuOf(IEnumerable<int> processIds) =>
        processIds.Sum(id => CpuMeter.ParseStat(File.ReadAllText($"/proc/{id}/stat")) ?? 0);

    private static long ResidentBytes(int processId) => long.Parse(
        File.ReadLines($"/proc/{processId}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))["VmRSS:".Length..].Replace("kB", ""),
        CultureInfo.InvariantCulture) << 10;
}
