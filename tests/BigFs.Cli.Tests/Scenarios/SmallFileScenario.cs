using System.Collections.Concurrent;
using BigFs.Cli.Roles;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// kill -9 of the roles that small files share a stream and a session with: no upload fails, and each happens once.
/// </summary>
[Category("Scenario")]
internal sealed class SmallFileScenario
{
    private const int Writers = 16;

    [TestCase(BigFsRoleNames.FileServer)]
    [TestCase(BigFsRoleNames.MetadataServer)]
    public async Task Killing_a_role_under_small_uploads_fails_none_and_each_happens_once(string role)
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        await using BigFsClient client = cluster.Connect();
        var acknowledged = new ConcurrentDictionary<BigFsPath, WrittenContent>();
        using var stop = new CancellationTokenSource();
        Task[] writers = [.. Enumerable.Range(0, Writers).Select(writer => WriteAsync(client, writer, acknowledged, stop.Token))];

        int rounds = ScenarioLevel.Of(3, 20);
        for (int round = 0; round < rounds; round++)
        {
            int before = acknowledged.Count;
            await Eventually.TrueAsync(() => acknowledged.Count > before + 50, "uploads go on", TimeSpan.FromMinutes(1));
            RoleLine victim = cluster.Roles.Single(one => one.Role == role);
            await ProcessScenario.KillAsync(victim);
            await cluster.RestartAsync(victim);
        }

        await stop.CancelAsync();
        await Task.WhenAll(writers);

        int listed = 0;
        await foreach (BigFsEntry entry in client.ListAsync("/small"))
        {
            listed++;
            WrittenContent written = acknowledged[entry.Path];
            await using BigFsReadStream content = await client.OpenReadAsync(entry.Path);
            Assert.That(await WrittenContent.ReadAsync(content, content.Length, entry.Path.ToString()), Is.EqualTo(written));
        }

        Assert.That(listed, Is.EqualTo(acknowledged.Count), "acknowledged files and no others");
        ScenarioLevel.Figure($"{rounds} times kill -9 of the {role} under {Writers} writers: {listed} small files, 0 failed, 0 lost, 0 twice");
    }

    /// <summary>Each path once, and only where nothing is: a commit that happened twice would refuse itself.</summary>
    private static async Task WriteAsync(
        BigFsClient client, int writer, ConcurrentDictionary<BigFsPath, WrittenContent> acknowledged, CancellationToken stop)
    {
        var random = new Random(ScenarioLevel.Seed + writer);
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            BigFsPath path = $"/small/{writer}-{i}";
            var content = new WrittenContent(random.NextInt64(), random.Next(8 << 10));
            await client.UploadAsync(
                path,
                content.Open(),
                new UploadOptions { Precondition = UploadPrecondition.Absent, Inline = i % 4 == 0 },
                CancellationToken.None);
            acknowledged[path] = content;
        }
    }
}
