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
    [TestCase("answer-before-commit", "transaction.before-commit", 25)]
    [TestCase("skip-record", "transaction.after-answer", 60)]
    [TestCase("skip-tombstones", "transaction.after-answer", 60)]
    public async Task A_broken_promise_is_caught(string canary, string point, int times)
    {
        FaultBuild.Require();
        Assert.That(await FindingsAsync(null, point, times), Is.Empty, "without the canary");
        IReadOnlyList<string> findings = await FindingsAsync(canary, point, times);
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
