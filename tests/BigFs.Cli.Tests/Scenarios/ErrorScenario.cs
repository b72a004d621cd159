using BigFs.Cli.Tests.Errors;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Walks the table of docs/errors.md on a real cluster.</summary>
[Category("Scenario")]
internal sealed class ErrorScenario
{
    private SituationCluster? _cluster;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        ScenarioLevel.Require();
        _cluster = await SituationCluster.StartAsync();
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    public static IEnumerable<ErrorRow> Situations() => ErrorTable.Read().Where(row => row.IsRun);

    [TestCaseSource(nameof(Situations))]
    public async Task The_situation_ends_as_the_table_says(ErrorRow row)
    {
        foreach (Func<Task<Outcome>> attempt in ErrorSituations.All[row.Situation](_cluster!))
        {
            Outcome outcome = await attempt();

            Assert.That((outcome.Code, outcome.ExitCode), Is.EqualTo((row.Code, row.ExitCode)), outcome.Message);
            Assert.That(outcome.Message, Is.Not.Empty.And.Not.Contains("\n"), "one sentence");
        }
    }

    [Test]
    public async Task An_unreachable_endpoint_is_named_within_the_connect_timeout()
    {
        var time = System.Diagnostics.Stopwatch.StartNew();

        ProgramResult result = await BigfsProgram.RunAsync("ls", "--endpoint", "bigfs://127.0.0.1:1");

        Assert.That(result.Error, Does.Contain("127.0.0.1:1"));
        Assert.That(time.Elapsed, Is.LessThan(TimeSpan.FromSeconds(8)), "5 s to connect, and the start of the program");
    }
}
