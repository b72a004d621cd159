using BigFs.Cli.Errors;

namespace BigFs.Cli.Tests.Commands;

internal sealed class UsageTests
{
    [TestCase("nonsense", "\"nonsense\" is no command")]
    [TestCase("", "A command is missing: cp, ls, ")]
    [TestCase("ls /a /b", "\"/b\" is no command, option or argument")]
    [TestCase("ls --lang", "\"--lang\" is no option")]
    [TestCase("rm", "Required argument")]
    [TestCase("rm --force /a", "\"--force\" is no option")]
    [TestCase("cp a b", "Both sides are local")]
    [TestCase("cp - -", "Both sides are local")]
    [TestCase("cp bigfs:/a bigfs:/b", "Both sides are in BigFS")]
    [TestCase("cp a bigfs:/b c", "Both sides are local")]
    [TestCase("cp a", "Required argument")]
    [TestCase("cp --replicas many a bigfs:/", "--replicas \"many\" is not a number")]
    [TestCase("cp --if-version 12 a bigfs:/", "--if-version \"12\" is no version")]
    [TestCase("cp --if-absent --if-version 0000000000000001 a bigfs:/", "exclude each other")]
    [TestCase("cp --if-absent bigfs:/a b", "for uploads")]
    [TestCase("dev --memory --processes", "--memory and --processes exclude each other")]
    [TestCase("dev --memory --data x", "--memory and --data exclude each other")]
    [TestCase("dev --nodes three", "--nodes \"three\" is not a number")]
    [TestCase("run name-server --parent 99999999", "process 99999999 that this role belongs to is gone")]
    public async Task A_wrong_command_line_is_refused_in_a_sentence(string arguments, string sentence)
    {
        CliRun run = await CliRun.Async(CliRun.Client(), arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Usage));
            Assert.That(run.Error, Does.StartWith("bigfs: ").And.Contain(sentence));
            Assert.That(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(1));
            Assert.That(run.Output, Is.Empty);
        }
    }

    [Test]
    public async Task A_usage_error_is_JSON_when_asked()
    {
        CliRun run = await CliRun.Async(CliRun.Client(), "cp", "--json", "a", "b");

        Assert.That(run.ErrorJson.GetProperty("error").GetString(), Is.EqualTo("Usage"));
    }

    [TestCase("--help")]
    [TestCase("cp -h")]
    [TestCase("--version")]
    public async Task Help_and_version_are_no_errors(string arguments)
    {
        CliRun run = await CliRun.Async(CliRun.Client(), arguments.Split(' '));

        Assert.That((run.ExitCode, run.Output.Length > 0, run.Error), Is.EqualTo((ExitCode.Ok, true, "")));
    }

    [TestCase("--nodes", "0", "--nodes is 0; it must be 1 to 64.")]
    [TestCase("--nodes", "65", "--nodes is 65; it must be 1 to 64.")]
    [TestCase("--file-servers", "17", "--file-servers is 17; it must be 1 to 16.")]
    [TestCase("--port", "65536", "--port is 65536; it must be 0 to 65535.")]
    public async Task A_setting_out_of_range_is_named(string option, string value, string sentence)
    {
        CliRun run = await CliRun.Async(CliRun.Client(), "dev", option, value, "--memory");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.Usage, $"bigfs: {sentence}\n")));
    }
}
