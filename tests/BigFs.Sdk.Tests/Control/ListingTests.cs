namespace BigFs.Sdk.Tests.Control;

internal sealed class ListingTests
{
    private static FakeCluster Cluster(int files)
    {
        var cluster = new FakeCluster();
        for (int i = 0; i < files; i++)
        {
            cluster.FileServer.Entries.Add(new BigFsFile { Path = $"/d/f{i:000}" });
            cluster.FileServer.Entries.Add(new BigFsFile { Path = $"/e/f{i:000}" });
        }

        return cluster;
    }

    [Test]
    public async Task Pages_are_fetched_only_as_they_are_read()
    {
        FakeCluster cluster = Cluster(25);
        await using BigFsClient client = cluster.Client();
        var names = new List<string>();

        await foreach (BigFsEntry entry in client.ListAsync("/d", new ListOptions { PageSize = 10 }))
        {
            names.Add(entry.Path.Name);
            Assert.That(cluster.FileServer.Count("list"), Is.EqualTo(((names.Count - 1) / 10) + 1));
        }

        Assert.That(names, Is.EqualTo(Enumerable.Range(0, 25).Select(i => $"f{i:000}")));
        Assert.That(cluster.FileServer.PageSizes, Has.All.EqualTo(10));
    }

    [Test]
    public async Task A_token_resumes_where_its_page_ended()
    {
        await using BigFsClient client = Cluster(25).Client();
        BigFsPage first = await client.ListPageAsync("/d", new ListOptions { PageSize = 20 });
        var rest = new ListOptions { PageSize = 20, ContinuationToken = first.ContinuationToken };

        BigFsPage second = await client.ListPageAsync("/d", rest);
        List<BigFsEntry> resumed = await client.ListAsync("/d", rest).ToListAsync();

        Assert.That(second.Entries.Select(entry => entry.Path.Name), Is.EqualTo(new[] { "f020", "f021", "f022", "f023", "f024" }));
        Assert.That(second.ContinuationToken, Is.Null);
        Assert.That(resumed, Is.EqualTo(second.Entries));
    }

    [Test]
    public async Task A_token_of_another_directory_or_prefix_is_refused()
    {
        await using BigFsClient client = Cluster(25).Client();
        string token = (await client.ListPageAsync("/d", new ListOptions { PageSize = 20 })).ContinuationToken!;

        foreach ((string directory, string? prefix) in new[] { ("/e", null), ("/d", "f"), ("/d/x", null) })
        {
            BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
                () => client.ListPageAsync(directory, new ListOptions { ContinuationToken = token, Prefix = prefix })))!;
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.InvalidToken));
        }
    }

    [TestCase(0)]
    [TestCase(10_001)]
    public async Task A_page_size_out_of_range_is_named(int size)
    {
        await using BigFsClient client = Cluster(1).Client();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.ListPageAsync("/d", new ListOptions { PageSize = size })))!;

        Assert.That(error.Message, Does.Contain("PageSize").And.Contain("10000"));
    }
}
