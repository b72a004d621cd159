using System.Diagnostics;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>kill -9 of the whole set at any moment: what was acknowledged is there, nothing is half there.</summary>
[Category("Scenario")]
internal sealed class CrashScenario
{
    private const int Writers = 4;

    [Test]
    public async Task After_killing_everything_at_any_moment_every_acknowledged_file_is_there_and_none_is_half_there()
    {
        ScenarioLevel.Require();
        int rounds = ScenarioLevel.Of(3, 100);
        var random = new Random(ScenarioLevel.Seed);
        var log = new AcknowledgementLog();
        var time = Stopwatch.StartNew();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        for (int round = 0; round < rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            int enough = random.Next(1, 60);
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            int acknowledgedBefore = log.Acknowledged;
            Task[] writers =
            [
                .. Enumerable.Range(0, Writers).Select(writer => WriteAsync(
                    cluster, log, writer, random.Next(), () => Count(log, acknowledgedBefore + enough, reached), stop.Token)),
            ];

            // Whatever the writers are doing then: somewhere between a grant and a commit.
            await reached.Task.WaitAsync(TimeSpan.FromMinutes(2));
            await cluster.KillAllAsync();
            await stop.CancelAsync();
            await Task.WhenAll(writers);

            await cluster.StartAgainAsync();
            await using BigFsClient reader = cluster.Connect();
            await log.VerifyAsync(reader);
        }

        ScenarioLevel.Figure($"{rounds} rounds of kill -9 of everything in {time.Elapsed.TotalSeconds:0} s: {log.Acknowledged} acknowledged, {log.Unknown} of unknown outcome, 0 lost, 0 wrong");
    }

    private static void Count(AcknowledgementLog log, int enough, TaskCompletionSource reached)
    {
        if (log.Acknowledged >= enough)
        {
            reached.TrySetResult();
        }
    }

    /// <summary>Writes until the cluster is gone: small and large files, new ones and new versions of old ones.</summary>
    private static async Task WriteAsync(
        ProcessScenario cluster, AcknowledgementLog log, int writer, int seed, Action acknowledged, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        await using BigFsClient client = cluster.Connect();
        try
        {
            while (true)
            {
                // Each path has one writer, so that the last acknowledged write is known.
                BigFsPath path = $"/writer-{writer}/{random.Next(40)}";
                int size = random.Next(10) == 0 ? random.Next(20 << 20) : random.Next(64 << 10);
                var content = new WrittenContent(random.NextInt64(), size);
                log.Begin(path, content);
                await client.UploadAsync(path, content.Open(), null, cancellationToken);
                log.Acknowledge(path, content);
                acknowledged();
            }
        }
        catch (Exception exception) when (exception is BigFsException or OperationCanceledException)
        {
            // The cluster was killed under it: the outcome of the last write is unknown, and noted as begun.
            Assert.That(() => cancellationToken.IsCancellationRequested, Is.True.After(30_000, 10), exception.ToString());
        }
    }
}
