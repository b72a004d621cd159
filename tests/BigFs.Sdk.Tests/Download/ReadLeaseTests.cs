using Microsoft.Extensions.Time.Testing;

namespace BigFs.Sdk.Tests.Download;

internal sealed class ReadLeaseTests
{
    private FakeTimeProvider _time = new();
    private FakeCluster _cluster = new();

    [SetUp]
    public void GiveLeases()
    {
        (_time, _cluster) = (new FakeTimeProvider(), new FakeCluster());
        _cluster.FileServer.OnOpen = opened => opened with { Lease = TimeSpan.FromHours(1) };
    }

    [Test]
    public async Task A_stream_that_is_open_longer_than_half_its_lease_renews_it_until_it_is_closed()
    {
        await using BigFsClient client = _cluster.Client(_time);
        BigFsFile file = (await client.UploadAsync("/f", new MemoryStream(new byte[100]))).File;
        BigFsReadStream stream = await client.OpenReadAsync("/f");

        _time.Advance(TimeSpan.FromMinutes(29));
        Assert.That(_cluster.FileServer.Renewed, Is.Empty, "not half of it has passed");
        await RenewedAsync(1);
        await RenewedAsync(2);
        Assert.That(_cluster.FileServer.Renewed, Has.All.EqualTo(file.Version));

        await stream.DisposeAsync();
        _time.Advance(TimeSpan.FromHours(5));
        Assert.That(_cluster.FileServer.Count("renew-read"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_renewal_that_fails_is_tried_again_and_the_stream_reads_on()
    {
        bool failed = false;
        _cluster.FileServer.Before = (call, _) => call == "renew-read" && !failed && (failed = true)
            ? throw new BigFsException(BigFsErrorCode.InvalidArgument, "Refused once.")
            : Task.CompletedTask;
        await using BigFsClient client = _cluster.Client(_time);
        await client.UploadAsync("/f", new MemoryStream(new byte[100]));
        await using BigFsReadStream stream = await client.OpenReadAsync("/f");

        await RenewedAsync(1);

        Assert.That(failed);
        Assert.That(await stream.ReadAsync(new byte[200]), Is.EqualTo(100));
    }

    [Test]
    public async Task A_manifest_in_parts_is_read_part_by_part()
    {
        byte[] content = new byte[20 * (64 << 10)];
        Random.Shared.NextBytes(content);
        await using BigFsClient client = _cluster.Client(_time);
        await client.UploadAsync("/f", new MemoryStream(content), new UploadOptions { ChunkSize = 64 << 10 });
        _cluster.FileServer.OnOpen = opened => opened with { Manifest = opened.Manifest[..3], Chunks = opened.Manifest.Length };
        using var copy = new MemoryStream();

        await client.DownloadAsync("/f", copy);

        Assert.That(copy.ToArray(), Is.EqualTo(content));
        Assert.That(_cluster.FileServer.Count("manifest"), Is.EqualTo(1));
    }

    /// <summary>Lets time pass until so many renewals have come.</summary>
    private async Task RenewedAsync(int count)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_cluster.FileServer.Renewed.Count < count)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(1, deadline.Token);
        }
    }
}
