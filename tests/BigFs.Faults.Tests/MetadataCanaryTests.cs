namespace BigFs.Faults.Tests;

/// <summary>
/// What guards the metadata's promises runs against a server as it is, which must pass, and against one that breaks a
/// promise on purpose, which must be found out.
/// </summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class MetadataCanaryTests
{
    private const int Attempts = 8;

    [TestCase("answer-before-commit", "transaction.before-commit", 25)]
    [TestCase("skip-record", "transaction.after-answer", 60)]
    [TestCase("skip-tombstones", "transaction.after-answer", 60)]
    public async Task A_broken_promise_is_caught(string canary, string point, int times)
    {
        FaultBuild.Require();
        Assert.That(await FindingsAsync(null, point, times), Is.Empty, "without the canary");

        // Which transaction comes to the point is the machine's choice: it may be one that nobody is told of.
        IReadOnlyList<string> findings = [];
        for (int attempt = 0; attempt < Attempts && findings.Count == 0; attempt++)
        {
            findings = await FindingsAsync(canary, point, times + attempt);
        }

        Assert.That(findings, Is.Not.Empty, "with it");
        TestContext.Out.WriteLine(string.Join('\n', findings.Take(3)));
    }

    private static async Task<IReadOnlyList<string>> FindingsAsync(string? canary, string point, int times)
    {
        using var folder = new TemporaryFolder();
        await using var kills = new MetadataKills(folder.Path, ScenarioLevel.Seed, canary);
        Assert.That(await kills.KillAtAsync(point, times), "the load comes to the point");
        return kills.Findings;
    }
}
