using System.Text.Json;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary><c>bigfs bench</c> against a cluster of processes: its figures can be true.</summary>
[Category("Scenario")]
internal sealed class BenchScenario
{
    [TestCase("4KiB", 4096, 200, 8)]
    [TestCase("20MiB", 20 << 20, 3, 2)]
    public async Task A_put_and_a_get_say_what_they_did_and_what_it_cost(string size, int bytes, int count, int concurrency)
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        string[] common = ["--count", $"{count}", "--concurrency", $"{concurrency}", "--prefix", "bigfs:/m", "--warm-up", "0.2", "--json"];

        foreach (string[] operation in new string[][] { ["put", "--size", size], ["get"] })
        {
            ProgramResult run = await cluster.RunAsync(["bench", .. operation, .. common]);

            Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
            using var document = JsonDocument.Parse(run.Text);
            JsonElement result = document.RootElement;
            double seconds = Number(result, "seconds");
            double total = (double)bytes * count;
            using (Assert.EnterMultipleScope())
            {
                Assert.That(result.GetProperty("operation").GetString(), Is.EqualTo(operation[0]));
                Assert.That(Number(result, "size"), Is.EqualTo(bytes));
                Assert.That(Number(result, "replicas"), Is.EqualTo(2));
                Assert.That(Number(result, "failed"), Is.Zero);
                Assert.That(Number(result, "megabytesPerSecond") * seconds * 1e6, Is.EqualTo(total).Within(1).Percent);
                Assert.That(Number(result, "operationsPerSecond") * seconds, Is.EqualTo(count).Within(1).Percent);
                Assert.That(Number(result, "p50Milliseconds"), Is.Positive.And.AtMost(Number(result, "p99Milliseconds")));
                Assert.That(Number(result, "p99Milliseconds"), Is.AtMost(seconds * 1000 + 1));
                double used = Number(result, "cpuSecondsPerGigabyte") * total / 1e9;
                Assert.That(used, Is.Positive.And.AtMost((seconds + 0.5) * Environment.ProcessorCount));
                Assert.That(Number(result, "cpuMicrosecondsPerOperation") * count / 1e6, Is.EqualTo(used).Within(1).Percent);
                Assert.That(Number(result, "clientIdleMebibytes"), Is.InRange(10, Number(result, "clientPeakMebibytes")));
            }
        }

        Assert.That(await cluster.StopAsync(), Is.Zero);
    }

    [Test]
    public async Task Names_are_made_found_listed_and_deleted_through_a_file_server_and_at_the_metadata_server()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        string[][] ways = [[], ["--at", "metadata-server"], ["--at", "metadata-server", "--unary"]];
        for (int way = 0; way < ways.Length; way++)
        {
            foreach (string operation in new[] { "create", "stat", "list", "delete" })
            {
                ProgramResult run = await cluster.RunAsync(
                    ["bench", operation, "--count", "300", "--concurrency", "8", "--prefix", $"bigfs:/n{way}", "--warm-up", "0.05", "--json", .. ways[way]]);

                Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")), operation);
                using var document = JsonDocument.Parse(run.Text);
                double operations = Number(document.RootElement, "operationsPerSecond") * Number(document.RootElement, "seconds");
                Assert.That(operations, Is.EqualTo(operation == "list" ? 2400 : 300).Within(2).Percent, operation);
                Assert.That(Number(document.RootElement, "failed"), Is.Zero);
            }

            ProgramResult left = await cluster.RunAsync(["ls", $"bigfs:/n{way}"]);
            Assert.That((left.ExitCode, left.Text), Is.EqualTo((0, "")));
        }

        Assert.That(await cluster.StopAsync(), Is.Zero);
    }

    [Test]
    public async Task The_servers_processes_are_found_by_their_leases()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();

        IReadOnlyList<BigFs.Hosting.BigFsInstance> instances = await BigFs.Hosting.BigFsInstance.ListAsync(new Uri(cluster.Endpoint));

        Assert.That(
            instances.Select(one => (one.Role, one.LocalProcessId)),
            Is.EquivalentTo(cluster.Roles.Select(role => (role.Role, (int?)role.ProcessId))));
    }

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();
}
