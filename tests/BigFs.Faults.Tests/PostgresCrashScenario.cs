using BigFs.Hosting.PostgreSql.Tests.Server;

namespace BigFs.Faults.Tests;

/// <summary>A metadata server on PostgreSQL, in a process that is killed under load, and what its clients were told.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class PostgresCrashScenario
{
    /// <summary>The part of the crash points' names.</summary>
    public const string Part = "postgres";

    private const int OperationsOfEach = 60;

    /// <summary>Long enough that none expires.</summary>
    private static readonly TimeSpan Session = TimeSpan.FromMinutes(5);

    [Test]
    public async Task A_metadata_server_on_PostgreSQL_killed_at_any_named_point_and_at_any_moment_keeps_what_it_acknowledged_once()
    {
        FaultBuild.Require();
        SharedServer.RequireInstalled();
        int kills = 0, acknowledged = 0, uncertain = 0, retried = 0;
        string[] points = await CrashPointScenario.PointsAsync(Part);
        var random = new Random(ScenarioLevel.Seed);
        await using PostgresServer database = await PostgresServer.StartNewAsync();
        MetadataRound? last = null;
        int rounds = ScenarioLevel.Of(1, 20);
        string?[] ways = [.. Enumerable.Repeat(points.Append(null), rounds).SelectMany(one => one)];
        foreach (string? point in ways)
        {
            string? where = point is null ? null : $"{point}:{random.Next(1, 30)}";
            var round = new MetadataRound(kills + 1, random.Next(), last);
            await using (MetadataProcess server = await MetadataProcess.StartOnPostgresAsync(database.ConnectionString(), where, Session))
            {
                Assert.That(server.IsServing || server.IsKilled, $"it serves before it dies at {where}");
                int lives = random.Next(5, 60), killed = 0;
                if (server.IsServing)
                {
                    await round.LoadAsync(server, point is null ? int.MaxValue : OperationsOfEach, count =>
                    {
                        if (point is null && count >= lives && Interlocked.Exchange(ref killed, 1) == 0)
                        {
                            _ = Task.Run(server.Kill);
                        }
                    });
                    await server.GoneAsync();
                }

                Assert.That(server.IsKilled, $"the load comes to {where}");
            }

            await using MetadataProcess again = await MetadataProcess.StartOnPostgresAsync(database.ConnectionString(), null, Session);
            Assert.That(again.IsServing, "it starts again");
            Assert.That(await round.AuditAsync(again, directory: null), Is.Empty, $"after {where ?? "a kill at random"}");
            Assert.That(await round.AuditAgainAsync(again), Is.Empty);
            Assert.That(await again.StopAsync(), "it ends cleanly");
            (kills, acknowledged, uncertain, retried) =
                (kills + 1, acknowledged + round.Acknowledged, uncertain + round.Uncertain, retried + round.Retried);
            Assert.That(round.Undecided, Is.Zero);
            round.Forget();
            last = round;
        }

        ScenarioLevel.Figure(
            $"metadata server on PostgreSQL: {kills} kills, {acknowledged} acknowledged changes, {uncertain} whose answer was lost, {retried} of them sent again; 0 lost, 0 twice");
    }
}
