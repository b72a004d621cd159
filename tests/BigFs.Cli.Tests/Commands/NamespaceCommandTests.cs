using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Commands;

internal sealed class NamespaceCommandTests
{
    [Test]
    public async Task Stat_shows_what_is_known()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds("/a", CliRun.File("/a", 2048) with { ContentType = "text/plain" });

        CliRun run = await CliRun.Async(client, "stat", "/a");

        Assert.That(run.OutputLines, Is.EqualTo(new[]
        {
            "path      /a",
            "kind      file",
            "size      2048 bytes (2.0 KiB)",
            "version   0000000000000abc",
            "crc32c    00001234",
            "replicas  2",
            "created   1970-01-01 00:00:00Z",
            "modified  1970-01-02 00:00:00Z",
            "type      text/plain",
        }));
    }

    [Test]
    public async Task Stat_of_nothing_is_not_found()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds("/a", null);

        CliRun run = await CliRun.Async(client, "stat", "bigfs:/a");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.NotFound, "bigfs: Nothing is at \"/a\".\n")));
    }

    [Test]
    public async Task Cat_writes_the_bytes_and_nothing_else()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        byte[] bytes = [0, 255, 10, 13];
        client.GivesDownload("/a", bytes);
        client.GivesDownload("/b", bytes);

        CliRun run = await CliRun.Async(client, "cat", "/a", "/b");

        Assert.That(run.OutputBytes, Is.EqualTo(bytes.Concat(bytes)));
    }

    [Test]
    public async Task Mkdir_makes_each_and_says_so_in_JSON()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Setup(c => c.CreateDirectoryAsync("/a", It.IsAny<CancellationToken>())).Returns(Task.CompletedTask);
        client.Setup(c => c.CreateDirectoryAsync("/b", It.IsAny<CancellationToken>())).Returns(Task.CompletedTask);

        CliRun run = await CliRun.Async(client, "mkdir", "/a", "/b/", "--json");

        Assert.That(run.OutputJson.Select(json => json.GetProperty("created").GetString()), Is.EqualTo(new[] { "/a", "/b" }));
    }

    [TestCase("/dir", "/dir/a")]
    [TestCase("/new/", "/new/a")]
    [TestCase("/new", "/new")]
    public async Task Mv_goes_into_a_directory_and_otherwise_to_the_path(string destination, string target)
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds("/dir", CliRun.Folder("/dir"));
        client.Finds("/new", null);
        client.Setup(c => c.MoveAsync("/a", target, It.Is<MoveOptions>(o => o.Overwrite), It.IsAny<CancellationToken>()))
            .ReturnsAsync(CliRun.File(target));

        CliRun run = await CliRun.Async(client, "mv", "-f", "/a", destination, "--json");

        Assert.That(run.OutputJson[0].GetProperty("path").GetString(), Is.EqualTo(target));
    }

    [Test]
    public async Task Rm_goes_on_after_a_failure_and_tells_how_many_failed()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Setup(c => c.DeleteAsync(It.IsAny<BigFsPath>(), It.Is<DeleteOptions>(o => o.Recursive), It.IsAny<CancellationToken>()))
            .ReturnsAsync((BigFsPath path, DeleteOptions? _, CancellationToken _) => path != "/b");

        CliRun run = await CliRun.Async(client, "rm", "-r", "/a", "/b", "/c");

        Assert.That(
            (run.ExitCode, run.Error),
            Is.EqualTo((ExitCode.PartFailed, "bigfs: Nothing is at \"/b\".\nbigfs: 1 of 3 failed.\n")));
    }

    [Test]
    public async Task An_interrupted_command_ends_with_130()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        using var interruption = new CancellationTokenSource();
        client.Setup(c => c.FindAsync("/a", It.IsAny<CancellationToken>())).Returns(async (BigFsPath _, CancellationToken token) =>
        {
            await interruption.CancelAsync();
            token.ThrowIfCancellationRequested();
            return null;
        });

        CliRun run = await CliRun.Async(client.Object, "", null, interruption.Token, "stat", "/a");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.Interrupted, "bigfs: interrupted.\n")));
    }

    [Test]
    public async Task The_endpoint_is_passed_on()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds("/a", CliRun.File("/a"));

        CliRun run = await CliRun.Async(client.Object, "", "127.0.0.1:7777", CancellationToken.None, "stat", "/a");

        Assert.That(run.Endpoint, Is.EqualTo(new Uri("bigfs://127.0.0.1:7777")));
    }

    [Test]
    public async Task Version_tells_the_version()
    {
        CliRun run = await CliRun.Async(CliRun.Client(), "version");

        Assert.That(run.Output, Does.Match(@"^bigfs \d+\.\d+\.\d+\n$"));
    }
}
