namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Two clients write one path: one wins whole, and readers see one version or the other.</summary>
[Category("Scenario")]
internal sealed class RaceScenario
{
    [Test]
    public async Task Two_writers_on_one_path_never_mix()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        await using BigFsClient one = cluster.Connect(), two = cluster.Connect(), reader = cluster.Connect();
        BigFsPath path = "/contended";
        var random = new Random(ScenarioLevel.Seed);
        await one.UploadAsync(path, new WrittenContent(0, 1000).Open());
        using var stop = new CancellationTokenSource();
        Task<int> reading = ReadUntilAsync(reader, path, stop.Token);

        for (int round = 0; round < ScenarioLevel.Of(15, 200); round++)
        {
            var left = new WrittenContent(random.NextInt64(), random.Next(12 << 20));
            var right = new WrittenContent(random.NextInt64(), random.Next(12 << 20));
            UploadResult[] results = await Task.WhenAll(
                one.UploadAsync(path, left.Open()), two.UploadAsync(path, right.Open()));

            await using BigFsReadStream content = await reader.OpenReadAsync(path);
            WrittenContent winner = await WrittenContent.ReadAsync(content, content.File.Size, "the winner");
            Assert.That(winner, Is.EqualTo(left).Or.EqualTo(right));
            Assert.That(results[winner == left ? 0 : 1].File.Version, Is.EqualTo(content.File.Version), "the winner's own version stands");
        }

        await stop.CancelAsync();
        ScenarioLevel.Figure($"{await reading} whole versions read while two clients wrote");
    }

    [Test]
    public async Task Of_two_that_ask_for_absence_one_wins_and_the_other_is_told()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        await using BigFsClient one = cluster.Connect(), two = cluster.Connect();
        for (int round = 0; round < ScenarioLevel.Of(10, 100); round++)
        {
            BigFsPath path = $"/once/{round}";
            var options = new UploadOptions { Precondition = UploadPrecondition.Absent };
            var contents = new[] { new WrittenContent(round, 1000), new WrittenContent(-round - 1, 2000) };
            bool[] won = await Task.WhenAll(
                WinsAsync(one, path, contents[0], options), WinsAsync(two, path, contents[1], options));

            Assert.That(won.Count(w => w), Is.EqualTo(1));
            await using BigFsReadStream content = await one.OpenReadAsync(path);
            Assert.That(
                await WrittenContent.ReadAsync(content, content.File.Size, path.ToString()), Is.EqualTo(contents[won[0] ? 0 : 1]));
        }
    }

    private static async Task<bool> WinsAsync(BigFsClient client, BigFsPath path, WrittenContent content, UploadOptions options)
    {
        try
        {
            await client.UploadAsync(path, content.Open(), options);
            return true;
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.AlreadyExists)
        {
            return false;
        }
    }

    private static async Task<int> ReadUntilAsync(BigFsClient client, BigFsPath path, CancellationToken stop)
    {
        int read = 0;
        while (!stop.IsCancellationRequested)
        {
            await using BigFsReadStream content = await client.OpenReadAsync(path, null, CancellationToken.None);
            await WrittenContent.ReadAsync(content, content.File.Size, "what a reader saw");
            read++;
        }

        return read;
    }
}
