using System.Text.Json;
using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Commands;

internal sealed class ListCommandTests
{
    [Test]
    public async Task Names_come_one_a_line_directories_with_a_slash()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/docs", CliRun.Folder("/docs/a"), CliRun.File("/docs/b"));

        CliRun run = await CliRun.Async(client, "ls", "bigfs:/docs/");

        Assert.That((run.ExitCode, run.Output), Is.EqualTo((ExitCode.Ok, "a/\nb\n")));
    }

    [Test]
    public async Task The_long_form_has_size_time_and_replicas()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/", CliRun.Folder("/a"), CliRun.File("/b", 1234));

        CliRun run = await CliRun.Async(client, "ls", "-l");

        Assert.That(run.OutputLines, Is.EqualTo(new[]
        {
            "             -  1970-01-01 00:00:00Z  -  a/",
            "          1234  1970-01-02 00:00:00Z  2  b",
        }));
    }

    [Test]
    public async Task Json_has_one_object_a_line()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/", CliRun.Folder("/a"), CliRun.File("/b\nç", 1234));

        CliRun run = await CliRun.Async(client, "ls", "--json");

        JsonElement file = run.OutputJson[1];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.OutputJson[0].GetProperty("kind").GetString(), Is.EqualTo("directory"));
            Assert.That(file.GetProperty("path").GetString(), Is.EqualTo("/b\nç"));
            Assert.That(file.GetProperty("size").GetInt64(), Is.EqualTo(1234));
            Assert.That(file.GetProperty("version").GetString(), Is.EqualTo("0000000000000abc"));
            Assert.That(file.GetProperty("crc32c").GetString(), Is.EqualTo("00001234"));
            Assert.That(file.GetProperty("replicas").GetInt32(), Is.EqualTo(2));
            Assert.That(file.GetProperty("modified").GetDateTimeOffset(), Is.EqualTo(DateTimeOffset.UnixEpoch.AddDays(1)));
            Assert.That(file.GetProperty("metadata").ValueKind, Is.EqualTo(JsonValueKind.Object));
        }
    }

    [Test]
    public async Task A_file_lists_as_itself()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.FailsToList("/a/b", BigFsErrorCode.NotDirectory);
        client.Finds("/a/b", CliRun.File("/a/b"));

        CliRun run = await CliRun.Async(client, "ls", "/a/b");

        Assert.That((run.ExitCode, run.Output), Is.EqualTo((ExitCode.Ok, "/a/b\n")));
    }

    [Test]
    public async Task A_file_that_is_called_a_directory_is_a_conflict()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.FailsToList("/a/b", BigFsErrorCode.NotDirectory);

        CliRun run = await CliRun.Async(client, "ls", "/a/b/");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Conflict));
    }

    [Test]
    public async Task A_failure_is_told_as_JSON_and_in_the_exit_code()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.FailsToList("/a", BigFsErrorCode.NotFound);

        CliRun run = await CliRun.Async(client, "ls", "/a", "--json");

        Assert.That(
            (run.ExitCode, run.ErrorJson.GetProperty("error").GetString(), run.ErrorJson.GetProperty("path").GetString()),
            Is.EqualTo((ExitCode.NotFound, "NotFound", "/a")));
    }
}
