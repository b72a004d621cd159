using BigFs.Core.Metadata;

namespace BigFs.Sdk.Tests.Control;

internal sealed class TotalsTests
{
    [Test]
    public async Task Totals_are_waited_for()
    {
        var cluster = new FakeCluster();
        cluster.FileServer.OnJob = job => job with
        {
            Totals = job.Totals + new MetadataTotals(1, 2, 30, 60),
            State = job.Totals.Files == 2 ? MetadataJobState.Done : MetadataJobState.Running,
        };
        await using BigFsClient client = cluster.Client();

        BigFsTotals totals = await client.GetTotalsAsync("/d");

        Assert.That(totals, Is.EqualTo(new BigFsTotals { Files = 3, Directories = 6, Bytes = 90, PhysicalBytes = 180 }));
        Assert.That(cluster.FileServer.Count("job"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_job_that_fails_says_why()
    {
        var cluster = new FakeCluster();
        cluster.FileServer.OnJob = job => job with { State = MetadataJobState.Failed, Problem = "a page is damaged" };
        await using BigFsClient client = cluster.Client();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.GetTotalsAsync("/d")))!;

        Assert.That((error.Code, error.Path), Is.EqualTo((BigFsErrorCode.Unavailable, "/d")));
        Assert.That(error.Message, Does.Contain("a page is damaged"));
    }

    [Test]
    public async Task A_caller_that_gives_up_ends_the_job()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var cancel = new CancellationTokenSource();
        Task<BigFsTotals> totals = client.GetTotalsAsync("/d", new Callback(cancel.Cancel), cancel.Token);

        Assert.That(async () => await totals, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(cluster.FileServer.Jobs, Is.Empty);
        Assert.That(cluster.FileServer.Count("cancel-job"), Is.EqualTo(1));
    }

    private sealed class Callback(Action action) : IProgress<BigFsTotals>
    {
        public void Report(BigFsTotals value) => action();
    }
}
