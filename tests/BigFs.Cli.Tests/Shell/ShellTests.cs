using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Shell;

internal sealed class ShellTests
{
    [Test]
    public async Task A_script_from_a_pipe_runs_line_by_line_over_one_client()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/", CliRun.File("/a b"));
        client.Setup(c => c.DeleteAsync("/a b", It.IsAny<DeleteOptions?>(), It.IsAny<CancellationToken>())).ReturnsAsync(true);

        CliRun run = await RunAsync(client, "ls\n\n# a remark\nrm '/a b'\nexit\nls /never\n");

        Assert.That((run.ExitCode, run.Output, run.Error), Is.EqualTo((ExitCode.Ok, "a b\n", "")));
        client.Verify(c => c.DeleteAsync("/a b", It.IsAny<DeleteOptions?>(), It.IsAny<CancellationToken>()), Times.Once);
    }

    [Test]
    public async Task Errors_are_told_do_not_end_it_and_show_in_the_exit_code()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/", CliRun.File("/a"));

        CliRun run = await RunAsync(client, "nonsense\nls 'open\nls /a//b\nls\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.PartFailed));
            Assert.That(run.Output, Is.EqualTo("a\n"));
            Assert.That(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(3));
            Assert.That(run.Error, Does.Contain("nonsense").And.Contain("not closed").And.Contain("empty segment"));
        }
    }

    [Test]
    public async Task The_script_is_not_taken_for_the_content_of_a_file()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Finds("/a", null);

        CliRun run = await RunAsync(client, "cp - bigfs:/a\n");

        Assert.That(run.Error, Does.Contain("standard input is the shell's"));
    }

    [TestCase("dev")]
    [TestCase("shell")]
    [TestCase("ls --endpoint bigfs://127.0.0.1:1")]
    public async Task What_makes_no_sense_inside_is_not_there(string line)
    {
        CliRun run = await RunAsync(CliRun.Client(), line + "\n");

        Assert.That(run.Error, Does.Contain("is no command, option or argument here"));
    }

    [Test]
    public async Task Help_lists_the_commands()
    {
        CliRun run = await RunAsync(CliRun.Client(), "help\nhelp cp\n");

        Assert.That(run.Output, Does.Contain("Removes files").And.Contain("--if-absent"));
    }

    [Test]
    public async Task Json_goes_for_every_line()
    {
        Mock<IBigFsClient> client = CliRun.Client();
        client.Lists("/", CliRun.File("/a"));

        CliRun run = await CliRun.Async(client.Object, "ls\n", null, CancellationToken.None, "shell", "--json");

        Assert.That(run.OutputJson[0].GetProperty("path").GetString(), Is.EqualTo("/a"));
    }

    private static Task<CliRun> RunAsync(Mock<IBigFsClient> client, string script) =>
        CliRun.Async(client.Object, script, null, CancellationToken.None, "shell");
}
