using System.Diagnostics;
using System.Globalization;

namespace BigFs.Faults.Tests;

/// <summary>A store under load on a file system whose power is cut: what was not synced is gone.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class PowerCutScenario
{
    private const int MostAcknowledgements = 150;

    [Test]
    public async Task A_power_cut_loses_nothing_that_was_acknowledged()
    {
        FaultBuild.Require();
        LoopMount.Require();
        int rounds = ScenarioLevel.Of(3, 60);
        var random = new Random(ScenarioLevel.Seed);
        int acknowledged = 0;
        using var disk = new LoopMount(mebibytes: 256);
        string data = "";
        var oracle = new Oracle();
        for (int round = 0; round < rounds; round++)
        {
            if (round % 10 == 0)
            {
                // A folder of its own for every ten rounds, so that the file system does not run full.
                acknowledged += oracle.Acknowledged;
                oracle = new Oracle();
                (data, string before) = (Path.Combine(disk.Path, $"data-{round}"), data);
                if (before.Length > 0)
                {
                    Directory.Delete(before, recursive: true);
                }
            }

            await CutDuringAsync(disk, oracle, random, null, LoadOf(data, (round % 10) + 1));
            Assert.That(await StoreCheck.RunAsync(data, oracle), Is.Empty, $"round {round}");
        }

        acknowledged += oracle.Acknowledged;
        ScenarioLevel.Figure($"{rounds} power cuts: {acknowledged} acknowledged operations, 0 lost, 0 wrong");
    }

    /// <summary>The same test must fail for a build that breaks the promise, else it proves nothing.</summary>
    [TestCase("skip-flush", "load")]
    [TestCase("skip-directory-sync", "create")]
    public async Task A_build_that_skips_a_sync_is_caught_by_a_power_cut(string canary, string work)
    {
        FaultBuild.Require();
        LoopMount.Require();
        Assert.That(await LossesAsync(null, work), Is.Zero, "without the canary");
        Assert.That(await LossesAsync(canary, work), Is.GreaterThan(0), "with it");
    }

    /// <summary>How much is lost by a few power cuts; stops at the first loss.</summary>
    private static async Task<int> LossesAsync(string? canary, string work)
    {
        var random = new Random(ScenarioLevel.Seed);
        int losses = 0;
        using var disk = new LoopMount();
        for (int round = 0; round < 5 && losses == 0; round++)
        {
            var oracle = new Oracle();
            string data = Path.Combine(disk.Path, $"data-{round}");
            await CutDuringAsync(disk, oracle, random, canary, work == "load" ? LoadOf(data, 1) : ["create", data, "200"]);
            losses += (await StoreCheck.RunAsync(data, oracle)).Count;
        }

        return losses;
    }

    private static string[] LoadOf(string directory, int run) =>
    [
        "load",
        directory,
        ScenarioLevel.Seed.ToString(CultureInfo.InvariantCulture),
        run.ToString(CultureInfo.InvariantCulture),
        "60",
    ];

    /// <summary>Cuts the power after some acknowledgement, ends the driver, and brings the file system back.</summary>
    private static async Task CutDuringAsync(
        LoopMount disk, Oracle oracle, Random random, string? canary, string[] work)
    {
        int lives = random.Next(1, MostAcknowledgements);
        bool isCut = false;
        using Process process = FaultBuild.Start(null, canary, work);
        await FaultBuild.FollowAsync(process, oracle, count =>
        {
            if (count == lives)
            {
                disk.Cut();
                isCut = true;
                FaultBuild.Kill(process);
            }
        });
        if (!isCut)
        {
            disk.Cut();
        }

        disk.Restart();
    }
}
