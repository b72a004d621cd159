using System.Text.Json;
using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Bench;

internal sealed class BenchCommandTests
{
    private static readonly string[] Fields =
    [
        "operation", "size", "count", "concurrency", "replicas", "durability", "seconds", "megabytesPerSecond",
        "operationsPerSecond", "p50Milliseconds", "p99Milliseconds", "cpuSecondsPerGigabyte", "cpuMicrosecondsPerOperation",
        "clientIdleMebibytes", "clientPeakMebibytes", "failed",
    ];

    [Test]
    public async Task A_put_uploads_every_file_once_and_prints_one_object_with_these_fields()
    {
        Mock<IBigFsClient> client = Client("/b");
        var uploaded = new Dictionary<string, (byte[] Bytes, int? Replicas)>();
        for (int i = 0; i < 3; i++)
        {
            string path = $"/b/0000000{i}";
            client.TakesUpload(path, (bytes, options) => uploaded.Add(path, (bytes, options!.Replicas)));
        }

        CliRun run = await CliRun.Async(
            client, "bench", "put", "--size", "3KiB", "--count", "3", "--replicas", "2", "--prefix", "bigfs:/b", "--warm-up", "0", "--json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
            JsonElement result = run.OutputJson.Single();
            Assert.That(result.EnumerateObject().Select(property => property.Name), Is.EqualTo(Fields));
            Assert.That(result.GetProperty("operation").GetString(), Is.EqualTo("put"));
            Assert.That(result.GetProperty("durability").GetString(), Is.EqualTo("flushed"));
            Assert.That(
                new[] { "size", "count", "concurrency", "replicas", "failed" }.Select(name => result.GetProperty(name).GetInt64()),
                Is.EqualTo([3072L, 3, 1, 2, 0]));
            Assert.That(
                Fields[6..].Where(name => name != "failed").Select(name => result.GetProperty(name).GetDouble()), Is.All.Positive);
            Assert.That(uploaded, Has.Count.EqualTo(3));
            Assert.That(uploaded.Values, Is.All.Matches<(byte[] Bytes, int? Replicas)>(one =>
                one.Bytes.Length == 3072 && one.Bytes.Distinct().Count() > 100 && one.Replicas == 2));
        }
    }

    [Test]
    public async Task A_file_longer_than_the_pattern_goes_up_as_a_stream_of_known_length()
    {
        const int size = (4 << 20) + 1;
        Mock<IBigFsClient> client = Client("/bench");
        byte[] uploaded = [];
        client.TakesUpload("/bench/00000000", (bytes, _) => uploaded = bytes);

        CliRun run = await CliRun.Async(client, "bench", "put", "--size", $"{size}", "--count", "1", "--warm-up", "0");

        Assert.That((run.ExitCode, uploaded.Length), Is.EqualTo((ExitCode.Ok, size)), run.Error);
        Assert.That(run.Output, Does.Contain("put 1 x 4.0 MiB, 1 at once, 2 replicas, flushed"));
    }

    [Test]
    public async Task The_warm_up_has_files_of_its_own_and_leaves_none()
    {
        Mock<IBigFsClient> client = Client("/bench");
        client.TakesUpload("/bench/warm-up/00000000");
        client.TakesUpload("/bench/00000000");
        client.Setup(c => c.DeleteAsync("/bench/warm-up", It.Is<DeleteOptions?>(o => o!.Recursive), It.IsAny<CancellationToken>()))
            .ReturnsAsync(true);

        CliRun run = await CliRun.Async(client, "bench", "put", "--size", "10", "--count", "1", "--warm-up", "0.000001");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        client.VerifyAll();
    }

    [Test]
    public async Task A_get_reads_what_a_put_of_the_same_prefix_and_count_wrote_whatever_its_size()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        client.GivesDownload("/bench/00000000", new byte[5000]);
        client.GivesDownload("/bench/00000001", new byte[5000]);

        CliRun run = await CliRun.Async(client, "bench", "get", "--count", "2", "--warm-up", "0", "--json");

        JsonElement result = run.OutputJson.Single();
        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That((result.GetProperty("size").GetInt64(), result.GetProperty("count").GetInt64()), Is.EqualTo((5000, 2)));
        Assert.That(result.GetProperty("durability").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [TestCase("--size 5000 --replicas 2 --inline", null)]
    [TestCase("--size 4KiB", "5000 bytes, where --size says 4096")]
    [TestCase("--replicas 3", "2 replicas, where --replicas says 3")]
    public async Task A_get_takes_the_options_of_its_put_and_fails_on_files_of_another(string options, string? failure)
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        client.GivesDownload("/bench/00000000", new byte[5000]);

        CliRun run = await CliRun.Async(
            client, ["bench", "get", "--count", "1", "--warm-up", "0", "--json", .. options.Split(' ')]);

        Assert.That(run.OutputJson.Single().GetProperty("failed").GetInt64(), Is.EqualTo(failure is null ? 0 : 1));
        Assert.That(run.ExitCode == ExitCode.Ok, Is.EqualTo(failure is null), run.Error);
        Assert.That(run.Error, failure is null ? Does.Not.Contain("where --") : Does.Contain(failure).And.Contain("/bench/00000000"));
    }

    [Test]
    public async Task A_get_with_passes_reads_all_files_so_often()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        client.GivesDownload("/bench/00000000", new byte[2000]);
        client.GivesDownload("/bench/00000001", new byte[1000]);

        CliRun run = await CliRun.Async(client, "bench", "get", "--count", "2", "--passes", "3", "--warm-up", "0", "--json");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That(run.OutputJson.Single().GetProperty("size").GetInt64(), Is.EqualTo(1500));
        foreach (string file in (string[])["/bench/00000000", "/bench/00000001"])
        {
            client.Verify(
                c => c.DownloadAsync(file, It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()), Times.Exactly(3));
        }
    }

    [Test]
    public async Task Some_failures_are_counted_and_end_with_8_and_the_first_error()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        client.GivesDownload("/bench/00000000", new byte[10]);
        client.Setup(c => c.DownloadAsync(
                It.Is<BigFsPath>(path => path != "/bench/00000000"), It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.NotFound, "There is no such file."));

        CliRun run = await CliRun.Async(client, "bench", "get", "--count", "3", "--warm-up", "0", "--json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.PartFailed));
            Assert.That(run.OutputJson.Single().GetProperty("failed").GetInt32(), Is.EqualTo(2));
            Assert.That(run.Error, Does.Contain("There is no such file.").And.Contain("2 of 3 failed"));
        }
    }

    [Test]
    public async Task A_file_that_comes_short_is_a_failure()
    {
        Mock<IBigFsClient> client = Client("/bench/00000000");
        client.Setup(c => c.DownloadAsync("/bench/00000000", It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()))
            .ReturnsAsync(CliRun.File("/bench/00000000", 10));

        CliRun run = await CliRun.Async(client, "bench", "get", "--count", "1", "--warm-up", "0");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.PartFailed, run.Error)));
        Assert.That(run.Error, Does.Contain("The file has 10 bytes, and 0 came."));
    }

    [Test]
    public async Task A_cluster_whose_servers_run_elsewhere_is_told()
    {
        Mock<IBigFsClient> client = Client("/bench");
        client.TakesUpload("/bench/00000000");

        CliRun run = await CliRun.Async(client, "bench", "put", "--size", "1", "--count", "1", "--warm-up", "0");

        Assert.That(run.Error, Does.Contain("no server of the cluster is known to run on this machine"));
    }

    [TestCase("put --size 8MB", "--size \"8MB\" is no size")]
    [TestCase("put --count many", "--count \"many\" is not a number")]
    [TestCase("put --count 0", "--count is 0; it must be 1 to 10000000.")]
    [TestCase("put --concurrency 1025", "--concurrency is 1025; it must be 1 to 1024.")]
    [TestCase("put --warm-up -1", "--warm-up must be 0 to 3600 seconds.")]
    [TestCase("put --warm-up NaN", "--warm-up must be 0 to 3600 seconds.")]
    [TestCase("get --size 8MB", "--size \"8MB\" is no size")]
    public async Task What_cannot_be_measured_is_refused_in_a_sentence(string arguments, string sentence)
    {
        CliRun run = await CliRun.Async(CliRun.Client(), ["bench", .. arguments.Split(' ')]);

        Assert.That((run.ExitCode, run.Output), Is.EqualTo((ExitCode.Usage, "")));
        Assert.That(run.Error, Does.Contain(sentence));
    }

    /// <summary>A client that finds nothing at the path by which the command gets its connection.</summary>
    private static Mock<IBigFsClient> Client(string path)
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds(path, null);
        return client;
    }
}
