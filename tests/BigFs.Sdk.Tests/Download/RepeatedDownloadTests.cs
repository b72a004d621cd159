using BigFs.Core.Control;
using BigFs.Internal.Download;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Sdk.Tests.Download;

/// <summary>Small files that a client reads again: fetched while it is asked whether they are unchanged, never handed out before.</summary>
[CancelAfter(20_000)]
internal sealed class RepeatedDownloadTests
{
    private const int Small = 64 << 10;

    private static async Task<byte[]> UploadAsync(FakeCluster cluster, int seed, int length = Small)
    {
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length, seed);
        await client.UploadAsync("/a", new MemoryStream(content));
        return content;
    }

    [Test]
    public async Task The_content_is_read_before_the_answer_and_handed_out_after_it()
    {
        var cluster = new FakeCluster();
        byte[] content = await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        var answered = new TaskCompletionSource();
        var read = new TaskCompletionSource();
        cluster.FileServer.Before = (call, _) => call == "open-changed" ? answered.Task : Task.CompletedTask;
        cluster.Transport.OnRead = (_, _, _) =>
        {
            read.TrySetResult();
            return Task.FromResult(ChunkStatus.Ok);
        };
        using var destination = new MemoryStream();

        Task<BigFsFile> again = client.DownloadAsync("/a", destination);
        await read.Task;
        Assert.That((again.IsCompleted, destination.Length), Is.EqualTo((false, 0)));
        answered.SetResult();
        BigFsFile file = await again;

        Assert.That(destination.ToArray(), Is.EqualTo(content));
        Assert.That(file.Size, Is.EqualTo(content.Length));
        Assert.That((cluster.FileServer.Count("open"), cluster.FileServer.Count("open-changed"), cluster.Transport.Reads.Count), Is.EqualTo((1, 1, 2)));
    }

    [TestCase(Small)]
    [TestCase(100)]
    [TestCase(0)]
    [TestCase(3 << 20)]
    public async Task A_file_that_was_replaced_comes_as_it_is_now_whatever_its_length(int length)
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        byte[] replaced = await UploadAsync(cluster, 2, length);

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(replaced));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(replaced));
        Assert.That(cluster.FileServer.Reports, Is.Empty);
    }

    [Test]
    public async Task A_replacement_whose_old_chunk_is_gone_already_is_no_fault_of_a_replica()
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        cluster.Stored.Clear();
        byte[] replaced = await UploadAsync(cluster, 2);

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(replaced));
        Assert.That(cluster.FileServer.Reports, Is.Empty);
    }

    [Test]
    public async Task A_file_that_was_deleted_is_not_found_and_no_byte_of_it_comes()
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        cluster.Files.Clear();
        using var destination = new MemoryStream();

        BigFsException missing = (await Assert.ThrowsAsync<BigFsException>(() => client.DownloadAsync("/a", destination)))!;
        await Assert.ThrowsAsync<BigFsException>(() => client.DownloadAsync("/a", destination));

        Assert.That((missing.Code, destination.Length), Is.EqualTo((BigFsErrorCode.NotFound, 0)));
        Assert.That(cluster.FileServer.Count("open-changed"), Is.EqualTo(1), "the second time it was a path like any");
    }

    [TestCase(ChunkStatus.Unreachable)]
    [TestCase(ChunkStatus.ChunkNotFound)]
    [TestCase(ChunkStatus.NotAllowed)]
    [TestCase(ChunkStatus.Damaged)]
    public async Task A_replica_that_fails_is_made_up_for_by_another_one(ChunkStatus status)
    {
        var cluster = new FakeCluster();
        byte[] content = await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        int reads = 0;
        cluster.Transport.OnRead = (_, _, _) => Task.FromResult(Interlocked.Increment(ref reads) == 1 ? status : ChunkStatus.Ok);

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        Assert.That(reads, Is.EqualTo(2));
    }

    [Test]
    public async Task A_transport_that_throws_while_it_is_guessed_is_met_again_by_the_read_as_usual()
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        cluster.Transport.OnRead = (_, _, _) => throw new InvalidOperationException("made to fail");

        BigFsException failed = (await Assert.ThrowsAsync<BigFsException>(() => client.ReadBytesAsync("/a")))!;
        Assert.That(failed.Code, Is.EqualTo(BigFsErrorCode.Internal));
    }

    [Test]
    public async Task Cancelling_ends_the_wait_for_the_answer_and_for_the_bytes([Values] bool answers)
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        using var cancel = new CancellationTokenSource();
        var reading = new TaskCompletionSource();
        var never = new TaskCompletionSource<ChunkStatus>();
        cluster.FileServer.Before = (_, token) => answers ? Task.CompletedTask : Task.Delay(Timeout.Infinite, token);
        cluster.Transport.OnRead = (_, _, _) =>
        {
            reading.TrySetResult();
            return never.Task;
        };
        using var destination = new MemoryStream();

        Task<BigFsFile> again = client.DownloadAsync("/a", destination, null, cancel.Token);
        await reading.Task;
        await cancel.CancelAsync();

        Assert.That(async () => await again, Throws.InstanceOf<OperationCanceledException>());
        never.SetResult(ChunkStatus.Unreachable);
        Assert.That(destination.Length, Is.Zero);
    }

    [Test]
    public async Task A_failing_destination_fails_the_download_with_its_own_exception()
    {
        var cluster = new FakeCluster();
        byte[] content = await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        using var broken = new CallbackStream((_, _) => throw new IOException("full"));

        Assert.That(async () => await client.DownloadAsync("/a", broken), Throws.InstanceOf<IOException>().With.Message.EqualTo("full"));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
    }

    [Test]
    public async Task Progress_is_told_as_of_any_download()
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        var progress = new SynchronousProgress();

        await client.ReadBytesAsync("/a", new DownloadOptions { Progress = progress });

        Assert.That(progress.Values, Is.EqualTo(new[] { (long)Small }));
    }

    [Test]
    public async Task After_a_minute_or_when_staleness_is_allowed_it_is_opened_as_any()
    {
        var cluster = new FakeCluster();
        var time = new FakeTimeProvider();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client(time);
        await client.ReadBytesAsync("/a");

        await client.ReadBytesAsync("/a", new DownloadOptions { MaxStaleness = TimeSpan.FromSeconds(1) });
        Assert.That(cluster.FileServer.Count("open-changed"), Is.Zero);
        time.Advance(OpenedFiles.MostAge);
        await client.ReadBytesAsync("/a");
        Assert.That((cluster.FileServer.Count("open"), cluster.FileServer.Count("open-changed")), Is.EqualTo((3, 0)));
        await client.ReadBytesAsync("/a");
        Assert.That((cluster.FileServer.Count("open"), cluster.FileServer.Count("open-changed")), Is.EqualTo((3, 1)));
    }

    [Test]
    public async Task A_file_of_several_chunks_or_longer_than_a_mebibyte_is_never_guessed([Values(OpenedFiles.LargestFile, OpenedFiles.LargestFile + 1)] int length)
    {
        var cluster = new FakeCluster();
        byte[] content = await UploadAsync(cluster, 1, length);
        await using BigFsClient client = cluster.Client();

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));

        Assert.That(cluster.FileServer.Count("open-changed"), Is.EqualTo(length <= OpenedFiles.LargestFile ? 1 : 0));
    }

    [Test]
    public async Task A_stream_that_is_opened_again_asks_no_more_than_whether_the_file_is_unchanged()
    {
        var cluster = new FakeCluster();
        await UploadAsync(cluster, 1);
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        byte[] replaced = await UploadAsync(cluster, 2);

        for (int i = 0; i < 2; i++)
        {
            await using BigFsReadStream stream = await client.OpenReadAsync("/a");
            using var copy = new MemoryStream();
            await stream.CopyToAsync(copy);
            Assert.That(copy.ToArray(), Is.EqualTo(replaced));
        }

        Assert.That((cluster.FileServer.Count("open"), cluster.FileServer.Count("open-changed")), Is.EqualTo((1, 2)));
    }
}
