using System.Diagnostics;
using System.Globalization;

namespace BigFs.Faults.Tests;

/// <summary>A store under load in a process that is killed, and its folder opened again.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class CrashPointScenario
{
    private const int Operations = 25;

    /// <summary>Loads that may end without having come to a point, before that is a failure.</summary>
    private const int MostAttempts = 12;

    private static readonly string[] Parts =
        ["identity", "create", "open", "append", "flush", "cut", "seal", "index", "compaction", "stop"];

    /// <summary>Parts whose points a load passes often; the others it passes a few times.</summary>
    private static readonly string[] BusyParts = ["append", "flush"];

    [Test]
    public async Task A_process_killed_at_any_named_point_loses_nothing_that_was_acknowledged(
        [ValueSource(nameof(Parts))] string part)
    {
        FaultBuild.Require();
        int rounds = ScenarioLevel.Of(1, 20);
        int acknowledged = 0;
        string[] points = await PointsAsync(part);
        foreach (string point in points)
        {
            using var folder = new TemporaryFolder();
            var oracle = new Oracle();
            var random = new Random(ScenarioLevel.Seed + point.Sum(letter => letter));
            int run = 0;
            for (int round = 1; round <= rounds; round++)
            {
                run = await CrashAsync(folder.Path, oracle, point, run, random);
                await ExpectNothingWrongAsync(folder.Path, oracle, $"{point}, round {round}");
            }

            acknowledged += oracle.Acknowledged;
        }

        ScenarioLevel.Figure(
            $"crash points of {part}: {points.Length} x {rounds} kills, {acknowledged} acknowledged operations, 0 lost, 0 wrong");
    }

    [Test]
    public async Task Every_named_point_belongs_to_a_part_that_is_tried()
    {
        FaultBuild.Require();
        string[] all =
            [
                .. Parts, .. MetadataCrashScenario.Parts, .. MetadataCrashScenario.LateParts, MigrationCrashScenario.Part,
                .. BackupCrashScenario.Parts, PostgresCrashScenario.Part,
            ];
        Assert.That((await NamesAsync()).Select(PartOf).Distinct(), Is.EquivalentTo(all));
    }

    [Test]
    public async Task A_process_killed_at_any_moment_loses_nothing_that_was_acknowledged()
    {
        FaultBuild.Require();
        int rounds = ScenarioLevel.Of(3, 100);
        using var folder = new TemporaryFolder();
        var oracle = new Oracle();
        var random = new Random(ScenarioLevel.Seed);
        for (int round = 1; round <= rounds; round++)
        {
            int lives = random.Next(1, 80);
            using Process process = FaultBuild.Start(null, null, LoadOf(folder.Path, round));
            await FaultBuild.FollowAsync(process, oracle, count =>
            {
                if (count == lives)
                {
                    FaultBuild.Kill(process);
                }
            });
            await ExpectNothingWrongAsync(folder.Path, oracle, $"round {round}, killed after {lives} acknowledgements");
        }

        ScenarioLevel.Figure($"{rounds} kills at random: {oracle.Acknowledged} acknowledged operations, 0 lost, 0 wrong");
    }

    [Test]
    public async Task A_store_that_is_opened_again_and_again_leaves_no_descriptor_open()
    {
        FaultBuild.Require();
        using var folder = new TemporaryFolder();
        var oracle = new Oracle();
        await FaultBuild.RunAsync("flush.after-sync:20", null, oracle, LoadOf(folder.Path, 1));
        using Process process = FaultBuild.Start(null, null, "cycle", folder.Path, "8");
        string[] lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();

        int[] counts = [.. lines.SkipLast(1).Select(line => int.Parse(line, CultureInfo.InvariantCulture))];
        Assert.That(counts, Has.Length.EqualTo(8));
        Assert.That(counts.Skip(2).Distinct().Count(), Is.EqualTo(1), string.Join(' ', counts));
    }

    private static string[] LoadOf(string directory, int run, int operations = Operations) =>
    [
        "load",
        directory,
        ScenarioLevel.Seed.ToString(CultureInfo.InvariantCulture),
        run.ToString(CultureInfo.InvariantCulture),
        operations.ToString(CultureInfo.InvariantCulture),
    ];

    /// <summary>The points of a part.</summary>
    public static async Task<string[]> PointsAsync(string part)
    {
        string[] points = [.. (await NamesAsync()).Where(name => PartOf(name) == part)];
        Assert.That(points, Is.Not.Empty);
        return points;
    }

    private static string PartOf(string point) => point.Split('.')[0];

    private static async Task<string[]> NamesAsync()
    {
        using Process process = FaultBuild.Start(null, null, "points");
        string[] names = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();
        Assert.That(names, Has.Length.GreaterThan(20));
        return names;
    }

    /// <summary>Lets a load die at the point, the n-th time that it comes there, and returns the last run's number.</summary>
    private static async Task<int> CrashAsync(string directory, Oracle oracle, string point, int run, Random random)
    {
        string part = PartOf(point);
        // A load that ends before it has come there so often is followed by one that is content with less.
        int times = random.Next(1, BusyParts.Contains(part) ? 20 : 4);
        for (int attempt = 0; attempt < MostAttempts; attempt++, times = Math.Max(1, times / 2))
        {
            if (part == "open")
            {
                // What an opening repairs is made by a crash before it.
                DriverEnd first = await FaultBuild.RunAsync(
                    $"flush.after-sync:{random.Next(1, 10)}", null, oracle, LoadOf(directory, ++run));
                Assert.That(first.IsKilled, $"the crash before {point}: exit code {first.ExitCode}");
            }

            DriverEnd end = await FaultBuild.RunAsync(
                $"{point}:{times}", null, oracle, LoadOf(directory, ++run));
            if (end.IsKilled)
            {
                return run;
            }

            Assert.That(end, Is.EqualTo(new DriverEnd(0, true)), point);
        }

        throw new AssertionException($"The load never came to {point}.");
    }

    private static async Task ExpectNothingWrongAsync(string directory, Oracle oracle, string when)
    {
        IReadOnlyList<string> findings = await StoreCheck.RunAsync(directory, oracle);
        Assert.That(findings, Is.Empty, when);
    }
}
