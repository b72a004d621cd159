using System.Diagnostics;

namespace BigFs.Faults.Tests;

/// <summary>A metadata server under load in a process that is killed, and what its clients were told.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class MetadataCrashScenario
{
    /// <summary>Loads that may end without having come to a point, before that is a failure.</summary>
    private const int MostAttempts = 6;

    /// <summary>Parts of the names of crash points that a server passes under load.</summary>
    public static readonly string[] Parts = ["transaction", "commit", "operation", "delete", "move", "purge"];

    /// <summary>Those that it passes when it starts late.</summary>
    public static readonly string[] LateParts = ["expiry"];

    /// <summary>Points that a load passes often; the others it passes a few times.</summary>
    private static readonly string[] Busy = ["transaction", "operation"];

    [Test]
    public async Task A_metadata_server_killed_at_any_named_point_keeps_what_it_acknowledged_once(
        [ValueSource(nameof(Parts))] string part)
    {
        FaultBuild.Require();
        int rounds = ScenarioLevel.Of(1, 20);
        string[] points = await CrashPointScenario.PointsAsync(part);
        using var folder = new TemporaryFolder();
        await using var kills = new MetadataKills(folder.Path, ScenarioLevel.Seed + part.Sum(letter => letter));
        var random = new Random(ScenarioLevel.Seed);
        foreach (string point in points)
        {
            for (int round = 1; round <= rounds; round++)
            {
                await KillAtAsync(kills, point, random.Next(1, Busy.Contains(part) ? 40 : 6));
                Assert.That(kills.Findings, Is.Empty, $"{point}, round {round}");
            }
        }

        Tell($"crash points of {part}: {points.Length} x {rounds} kills", kills);
    }

    [Test]
    public async Task A_metadata_server_killed_while_it_forgets_what_is_past_its_time_keeps_the_rest(
        [ValueSource(nameof(LateParts))] string part)
    {
        FaultBuild.Require();
        int rounds = ScenarioLevel.Of(1, 20);
        string[] points = await CrashPointScenario.PointsAsync(part);
        using var folder = new TemporaryFolder();
        await using var kills = new MetadataKills(folder.Path, ScenarioLevel.Seed);
        foreach (string point in points)
        {
            for (int round = 1; round <= rounds; round++)
            {
                Assert.That(await kills.KillAtStartAsync(point), $"{point} is reached");
                Assert.That(kills.Findings, Is.Empty, $"{point}, round {round}");
            }
        }

        Tell($"crash points of {part}: {points.Length} x {rounds} kills at a late start", kills);
    }

    [Test]
    public async Task A_metadata_server_killed_at_any_moment_keeps_what_it_acknowledged_once()
    {
        FaultBuild.Require();
        int rounds = ScenarioLevel.Of(6, 1000);
        using var folder = new TemporaryFolder();
        await using var kills = new MetadataKills(folder.Path, ScenarioLevel.Seed);
        long start = Stopwatch.GetTimestamp();
        for (int round = 1; round <= rounds; round++)
        {
            await kills.KillAnywhereAsync();
            Assert.That(kills.Findings, Is.Empty, $"round {round}");
        }

        Tell($"{rounds} kills at random in {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s", kills);
    }

    private static async Task KillAtAsync(MetadataKills kills, string point, int times)
    {
        // A load that ends before it has come there so often is followed by one that is content with less.
        for (int attempt = 0; attempt < MostAttempts; attempt++, times = Math.Max(1, times / 2))
        {
            if (await kills.KillAtAsync(point, times))
            {
                return;
            }
        }

        throw new AssertionException($"The load never came to {point}.");
    }

    private static void Tell(FormattableString what, MetadataKills kills)
    {
        string text = FormattableString.Invariant(what);
        ScenarioLevel.Figure(
            $"{text}: {kills.Acknowledged} acknowledged changes, {kills.Uncertain} whose answer was lost, {kills.Retried} of them sent again; 0 lost, 0 twice, 0 half there, {kills.Undecided} histories undecided");
        Assert.That(kills.Undecided, Is.Zero, "histories that could not be judged");
    }
}
