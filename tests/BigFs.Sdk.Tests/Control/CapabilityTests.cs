using Microsoft.Extensions.Time.Testing;

namespace BigFs.Sdk.Tests.Control;

/// <summary>Transfers that last longer than the capabilities by which they began.</summary>
[CancelAfter(20_000)]
internal sealed class CapabilityTests
{
    private const int Chunk = 64 << 10;

    [Test]
    public async Task A_download_that_outlasts_its_capabilities_asks_for_others_and_accuses_nobody()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(30 * Chunk);
        await client.UploadAsync("/a", new MemoryStream(content), new UploadOptions { ChunkSize = Chunk });
        var clock = new FakeTimeProvider();
        cluster.Expiring = (clock, TimeSpan.FromMinutes(10));
        cluster.Transport.OnRead = (_, _, _) =>
        {
            clock.Advance(TimeSpan.FromMinutes(4));
            return Task.FromResult(ChunkStatus.Ok);
        };

        byte[] back = await client.ReadBytesAsync("/a", new DownloadOptions { Concurrency = 2 });

        Assert.That(back, Is.EqualTo(content));
        Assert.That(cluster.FileServer.Count("locate"), Is.GreaterThanOrEqualTo(120 / 10 - 1));
        Assert.That(cluster.FileServer.Count("open"), Is.EqualTo(1));
        Assert.That(cluster.FileServer.Reports, Is.Empty);
    }

    [Test]
    public async Task An_upload_whose_source_is_slow_gets_other_grants_for_those_that_have_expired()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        var clock = new FakeTimeProvider();
        cluster.Expiring = (clock, TimeSpan.FromMinutes(15));
        byte[] content = Make.Bytes(12 * Chunk);
        using var source = new PipeLikeStream(content, Chunk)
        {
            OnRead = (_, _) =>
            {
                clock.Advance(TimeSpan.FromMinutes(7));
                return Task.CompletedTask;
            },
        };

        UploadResult result = await client.UploadAsync("/a", source, new UploadOptions { ChunkSize = Chunk, Concurrency = 4 });

        Assert.That(result.File.Size, Is.EqualTo(content.Length));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        Assert.That(cluster.Transport.Writes, Has.Count.GreaterThan(12), "some tries came too late");
        Assert.That(cluster.FileServer.Reports, Is.Empty);
        Assert.That(cluster.FileServer.Avoided, Is.All.Empty, "no node is to blame");
    }

    [Test]
    public async Task Capabilities_that_nobody_accepts_end_a_transfer_with_an_error_of_their_own()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.2);
        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(Chunk)));
        cluster.Expiring = (new FakeTimeProvider(), TimeSpan.Zero);

        BigFsException upload = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/b", new MemoryStream(Make.Bytes(Chunk)))))!;
        BigFsException download = (await Assert.ThrowsAsync<BigFsException>(() => client.ReadBytesAsync("/a")))!;

        Assert.That((upload.Code, upload.IsTransient), Is.EqualTo((BigFsErrorCode.NotAllowed, false)));
        Assert.That((download.Code, download.Attempts > 1), Is.EqualTo((BigFsErrorCode.NotAllowed, true)));
    }
}
