using BigFs.Cli.Errors;
using BigFs.Cli.Tests.Scenarios;

namespace BigFs.Cli.Tests.Errors;

internal sealed class ErrorTableTests
{
    private static readonly Dictionary<string, Exception> OwnFailures = new()
    {
        ["Usage"] = new UsageException("x"),
        ["LocalNotFound"] = new FileNotFoundException("x"),
        ["LocalNotAllowed"] = new UnauthorizedAccessException("x"),
        ["LocalInputOutput"] = new IOException("x"),
        ["PartFailed"] = new PartFailedException(1, 1),
    };

    [Test]
    public void Every_error_code_is_in_the_table() => Assert.That(
        Enum.GetNames<BigFsErrorCode>().Except(ErrorTable.Read().Select(row => row.Code)), Is.Empty);

    [TestCaseSource(typeof(ErrorTable), nameof(ErrorTable.Read))]
    public void The_command_ends_as_the_table_says(ErrorRow row)
    {
        Failure failure = Enum.TryParse(row.Code, out BigFsErrorCode code)
            ? Failure.Of(new BigFsException(code, "x"), CancellationToken.None)
            : row.Code == "Interrupted"
                ? Failure.Of(new OperationCanceledException(), new CancellationToken(canceled: true))
                : Failure.Of(OwnFailures[row.Code], CancellationToken.None);

        Assert.That((failure.Code, failure.ExitCode), Is.EqualTo((row.Code, row.ExitCode)));
    }

    [Test]
    public void Every_situation_that_can_be_run_has_its_scenario_and_no_scenario_lacks_its_row() => Assert.That(
        ErrorSituations.All.Keys,
        Is.EquivalentTo(ErrorTable.Read().Where(row => row.IsRun).Select(row => row.Situation)));
}
