using System.Text.Json;
using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Bench;

/// <summary><c>bigfs bench create | stat | list | delete</c>.</summary>
internal sealed class NamespaceBenchTests
{
    private static readonly string[] Fields =
    [
        "operation", "size", "count", "concurrency", "replicas", "durability", "seconds", "megabytesPerSecond",
        "operationsPerSecond", "p50Milliseconds", "p99Milliseconds", "cpuSecondsPerGigabyte", "cpuMicrosecondsPerOperation",
        "clientIdleMebibytes", "clientPeakMebibytes", "failed",
    ];

    [Test]
    public async Task A_create_makes_empty_files_and_prints_the_fields_of_every_bench()
    {
        Mock<IBigFsClient> client = Client("/b");
        var made = new List<(string Path, int Bytes)>();
        for (int i = 0; i < 3; i++)
        {
            string path = $"/b/0000000{i}";
            client.TakesUpload(path, (bytes, _) => made.Add((path, bytes.Length)));
        }

        CliRun run = await CliRun.Async(client, "bench", "create", "--count", "3", "--prefix", "bigfs:/b", "--warm-up", "0", "--json");

        JsonElement result = run.OutputJson.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
            Assert.That(result.EnumerateObject().Select(property => property.Name), Is.EqualTo(Fields));
            Assert.That(result.GetProperty("operation").GetString(), Is.EqualTo("create"));
            Assert.That(result.GetProperty("durability").GetString(), Is.EqualTo("flushed"));
            Assert.That(result.GetProperty("operationsPerSecond").GetDouble(), Is.Positive);
            Assert.That(result.GetProperty("cpuSecondsPerGigabyte").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(made.Order(), Is.EqualTo([("/b/00000000", 0), ("/b/00000001", 0), ("/b/00000002", 0)]));
        }
    }

    [Test]
    public async Task A_stat_finds_each_file_and_a_missing_one_is_a_failure()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000", CliRun.File("/bench/00000000"));
        client.Finds("/bench/00000001", null);

        CliRun run = await CliRun.Async(client, "bench", "stat", "--count", "2", "--warm-up", "0", "--json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.PartFailed));
            Assert.That(run.Error, Does.Contain("There is no file /bench/00000001").And.Contain("1 of 2 failed"));
            Assert.That(run.OutputJson.Single().GetProperty("failed").GetInt32(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_list_counts_the_entries_of_every_callers_listing()
    {
        Mock<IBigFsClient> client = Client("/bench");
        client.Setup(c => c.ListAsync("/bench", It.IsAny<ListOptions?>(), It.IsAny<CancellationToken>())).Returns(() => Entries(500));

        CliRun run = await CliRun.Async(client, "bench", "list", "--count", "500", "--concurrency", "3", "--warm-up", "0", "--json");

        JsonElement result = run.OutputJson.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
            double entries = result.GetProperty("operationsPerSecond").GetDouble() * result.GetProperty("seconds").GetDouble();
            Assert.That(entries, Is.EqualTo(1500).Within(5).Percent);
            Assert.That(result.GetProperty("failed").GetInt32(), Is.Zero);
        }
    }

    [Test]
    public async Task A_list_of_another_number_of_entries_is_a_failure()
    {
        Mock<IBigFsClient> client = Client("/bench");
        client.Setup(c => c.ListAsync("/bench", It.IsAny<ListOptions?>(), It.IsAny<CancellationToken>())).Returns(() => Entries(499));

        CliRun run = await CliRun.Async(client, "bench", "list", "--count", "500", "--warm-up", "0");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.PartFailed));
        Assert.That(run.Error, Does.Contain("/bench has 499 entries, and 500 were to be listed"));
    }

    [Test]
    public async Task A_delete_removes_each_file_and_warms_up_on_files_of_its_own()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        var calls = new List<string>();
        client.TakesUpload("/bench/warm-up/00000000", (_, _) => calls.Add("make"));
        client.Setup(c => c.DeleteAsync(It.IsAny<BigFsPath>(), It.IsAny<DeleteOptions?>(), It.IsAny<CancellationToken>()))
            .Callback((BigFsPath path, DeleteOptions? options, CancellationToken _) => calls.Add($"{path} {options!.Recursive}"))
            .ReturnsAsync(true);

        CliRun run = await CliRun.Async(client, "bench", "delete", "--count", "1", "--warm-up", "0.000001");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That(
            calls, Is.EqualTo(["make", "/bench/warm-up/00000000 False", "/bench/warm-up True", "/bench/00000000 False"]));
    }

    [TestCase("create --size 1", "bigfs bench create --help")]
    [TestCase("stat --unary", "--unary is for --at metadata-server")]
    [TestCase("list --at datanode", "metadata-server")]
    [TestCase("delete --count 0", "--count is 0; it must be 1 to 10000000.")]
    public async Task What_cannot_be_measured_is_refused_in_a_sentence(string arguments, string sentence)
    {
        CliRun run = await CliRun.Async(CliRun.Client(), ["bench", .. arguments.Split(' ')]);

        Assert.That((run.ExitCode, run.Output), Is.EqualTo((ExitCode.Usage, "")));
        Assert.That(run.Error, Does.Contain(sentence));
    }

    private static async IAsyncEnumerable<BigFsEntry> Entries(int count)
    {
        await Task.Yield();
        for (int i = 0; i < count; i++)
        {
            yield return CliRun.File($"/bench/{i:D8}");
        }
    }

    private static Mock<IBigFsClient> Client(string path, BigFsEntry? found = null)
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds(path, found);
        return client;
    }
}
