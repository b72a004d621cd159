using System.Text.Json;
using BigFs.Cli.Errors;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Commands;

internal sealed class StatusCommandTests
{
    [Test]
    public async Task A_cluster_that_is_well_is_one_screen_and_exit_code_0()
    {
        CliRun run = await RunAsync(Status(), "admin", "status");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(run.Output, Does.Contain("name server").And.Contain("file-server").And.Contain("9.9.9").And.Contain("node up")
            .And.Contain("3 open").And.Contain("Nothing is wrong."));
    }

    [Test]
    public async Task What_is_wrong_is_told_and_is_exit_code_1()
    {
        CliRun run = await RunAsync(Status("Datanode 7 is suspect."), "admin", "status");

        Assert.That((run.ExitCode, run.Output.Contains("- Datanode 7 is suspect.")), Is.EqualTo((ExitCode.Other, true)));
    }

    [Test]
    public async Task Json_has_everything_in_one_object()
    {
        CliRun run = await RunAsync(Status("Something."), "admin", "status", "--json");
        using var document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.GetProperty("nameServers")[0].GetProperty("leases").GetInt32(), Is.EqualTo(5));
            Assert.That(root.GetProperty("roles")[0].GetProperty("version").GetString(), Is.EqualTo("9.9.9"));
            Assert.That(root.GetProperty("nodes")[0].GetProperty("state").GetString(), Is.EqualTo("Up"));
            Assert.That(root.GetProperty("volumes").GetProperty("open").GetInt32(), Is.EqualTo(3));
            Assert.That(root.GetProperty("problems")[0].GetString(), Is.EqualTo("Something."));
        }
    }

    private static Task<CliRun> RunAsync(BigFsClusterStatus status, params string[] arguments) =>
        CliRun.Async(CliRun.Client(), (_, _) => Task.FromResult(status), arguments);

    private static BigFsClusterStatus Status(params string[] problems) => new()
    {
        NameServers = [new BigFsNameServerStatus { Endpoint = "a:1", Failure = "", Leases = 5 }],
        Instances = [new BigFsInstance { Role = "file-server", Id = "file-server@a:2", Endpoint = "a:2", Version = "9.9.9" }],
        Nodes = [new BigFsNodeStatus { Id = "7", State = "Up", ControlEndpoint = "a:3", TransferEndpoint = "a:4", Volumes = 3 }],
        Volumes = new Dictionary<string, int> { ["Open"] = 3, ["Sealed"] = 0 },
        IncompleteVolumes = 0,
        MapVersion = 1,
        DefaultReplicas = 2,
        Problems = problems,
    };
}
