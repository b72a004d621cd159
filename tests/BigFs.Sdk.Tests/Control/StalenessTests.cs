namespace BigFs.Sdk.Tests.Control;

internal sealed class StalenessTests
{
    [Test]
    public async Task Reads_ask_for_what_holds_now_unless_the_caller_allows_for_more()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await client.UploadBytesAsync("/f", new byte[10]);

        await client.FindAsync("/f");
        await client.FindStaleAsync("/f", TimeSpan.Zero);
        await client.ReadBytesAsync("/f");
        Assert.That(cluster.FileServer.Staleness, Is.Empty);

        await client.FindStaleAsync("/f", TimeSpan.FromSeconds(5));
        await client.ReadBytesAsync("/f", new DownloadOptions { MaxStaleness = TimeSpan.FromSeconds(6) });
        await using BigFsReadStream stream = await client.OpenReadAsync("/f", new DownloadOptions { MaxStaleness = TimeSpan.FromSeconds(7) });
        Assert.That(cluster.FileServer.Staleness, Is.EqualTo(new[] { 5.0, 6, 7 }.Select(TimeSpan.FromSeconds)));
    }

    [TestCase(-1)]
    [TestCase(601)]
    public async Task A_staleness_out_of_range_is_named(int seconds)
    {
        await using BigFsClient client = new FakeCluster().Client();
        var staleness = TimeSpan.FromSeconds(seconds);
        Func<Task>[] reads =
        [
            () => client.FindStaleAsync("/f", staleness),
            () => client.ReadBytesAsync("/f", new DownloadOptions { MaxStaleness = staleness }),
            () => client.OpenReadAsync("/f", new DownloadOptions { MaxStaleness = staleness }),
        ];

        foreach (Func<Task> read in reads)
        {
            BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => read()))!;
            Assert.That((error.Code, error.Message), Is.EqualTo((BigFsErrorCode.InvalidArgument, error.Message)));
            Assert.That(error.Message, Does.Contain("MaxStaleness"));
        }
    }
}
