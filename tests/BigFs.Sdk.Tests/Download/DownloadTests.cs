using BigFs.Core.Control;

namespace BigFs.Sdk.Tests.Download;

[CancelAfter(20_000)]
internal sealed class DownloadTests
{
    private const int Chunk = 64 << 10;

    private static async Task<(FakeCluster Cluster, byte[] Content)> UploadedAsync(int length, int nodes = 3)
    {
        var cluster = new FakeCluster(nodes);
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length);
        await client.UploadAsync("/a", new MemoryStream(content), new UploadOptions { ChunkSize = Chunk });
        return (cluster, content);
    }

    private static async Task<BigFsException> FailedAsync(BigFsClient client)
    {
        using var destination = new MemoryStream();
        return (await Assert.ThrowsAsync<BigFsException>(() => client.DownloadAsync("/a", destination)))!;
    }

    [Test]
    public async Task First_choices_are_spread_over_the_replicas()
    {
        var (cluster, content) = await UploadedAsync(40 * Chunk, nodes: 2);
        await using BigFsClient client = cluster.Client();

        byte[] back = await client.ReadBytesAsync("/a");

        Assert.That(back, Is.EqualTo(content));
        Assert.That(cluster.Transport.Reads.Count(read => read.Node == cluster.Nodes[0].Id), Is.EqualTo(20));
    }

    [Test]
    public async Task No_more_chunks_are_held_than_the_concurrency()
    {
        var (cluster, content) = await UploadedAsync(20 * Chunk);
        await using BigFsClient client = cluster.Client();
        long read = 0, written = 0, most = 0;
        cluster.Transport.OnRead = (_, chunk, _) =>
        {
            long now = Interlocked.Add(ref read, chunk.Length) - Interlocked.Read(ref written);
            InterlockedMax(ref most, now);
            return Task.FromResult(ChunkStatus.Ok);
        };
        using var destination = new CallbackStream(async (bytes, _) =>
        {
            await Task.Yield();
            Interlocked.Add(ref written, bytes.Length);
        });

        await client.DownloadAsync("/a", destination, new DownloadOptions { Concurrency = 3 });

        Assert.That(written, Is.EqualTo(content.Length));
        Assert.That(most, Is.InRange(2 * Chunk, 3 * Chunk));
    }

    [Test]
    public async Task A_dead_replica_is_skipped_then_tried_last_and_reported()
    {
        var (cluster, content) = await UploadedAsync(30 * Chunk);
        NodeId dead = cluster.Nodes[0].Id;
        cluster.Down[dead] = true;
        await using BigFsClient client = cluster.Client();

        byte[] back = await client.ReadBytesAsync("/a", new DownloadOptions { Concurrency = 1 });

        await Make.UntilAsync(() => !cluster.FileServer.Reports.IsEmpty, "a report");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(back, Is.EqualTo(content));
            Assert.That(cluster.Transport.Reads.Count(read => read.Node == dead), Is.EqualTo(1));
            Assert.That(cluster.FileServer.Reports.Single().Status, Is.EqualTo(ChunkStatus.Unreachable));
        }
    }

    [Test]
    public async Task A_damaged_replica_is_reported_and_read_from_the_other()
    {
        var (cluster, content) = await UploadedAsync(4 * Chunk);
        ChunkReference chunk = cluster.Files["/a"].Manifest[2];
        await using BigFsClient client = cluster.Client();
        await client.ReadBytesAsync("/a");
        NodeId first = cluster.Transport.Reads.Single(read => read.Chunk == chunk).Node;
        cluster.Stored[(first, chunk.Key)][100] ^= 1;

        // Readers begin with different replicas: of two in a row one meets the damage.
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        await Make.UntilAsync(() => !cluster.FileServer.Reports.IsEmpty, "a report");
        Assert.That(
            cluster.FileServer.Reports.Single(), Is.EqualTo(new ReplicaFault(chunk.Volume, chunk.Key, first, ChunkStatus.Damaged)));
    }

    [Test]
    public async Task Damage_on_every_replica_is_an_error_that_says_so_and_each_is_reported()
    {
        var (cluster, _) = await UploadedAsync(4 * Chunk);
        ChunkReference chunk = cluster.Files["/a"].Manifest[2];
        foreach ((NodeId Node, ChunkKey Key) key in cluster.Stored.Keys.Where(key => key.Key == chunk.Key))
        {
            cluster.Stored[key][100] ^= 1;
        }

        await using BigFsClient client = cluster.Client();
        using var destination = new MemoryStream();
        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.DownloadAsync("/a", destination)))!;

        await Make.UntilAsync(() => cluster.FileServer.Reports.Count == 2, "two reports");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Damaged));
            Assert.That(error.Path, Is.EqualTo("/a"));
            Assert.That(error.Attempts, Is.GreaterThanOrEqualTo(4));
            Assert.That(destination.Length, Is.LessThanOrEqualTo(2 * Chunk), "bytes after the damage were handed over");
            Assert.That(cluster.FileServer.Reports, Has.All.Matches<ReplicaFault>(
                fault => fault!.Status == ChunkStatus.Damaged && fault.Key == chunk.Key));
            Assert.That(cluster.FileServer.Count("locate"), Is.GreaterThanOrEqualTo(1), "final only after a refresh");
        }
    }

    [Test]
    public async Task A_replica_that_returns_in_time_ends_the_wait()
    {
        var (cluster, content) = await UploadedAsync(2 * Chunk);
        int silent = 12;
        cluster.Transport.OnRead = (_, _, _) => Task.FromResult(
            Interlocked.Decrement(ref silent) >= 0 ? ChunkStatus.Unreachable : ChunkStatus.Ok);
        await using BigFsClient client = cluster.Client();

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
    }

    [TestCase(ChunkStatus.Unreachable, BigFsErrorCode.Unavailable)]
    [TestCase(ChunkStatus.VolumeNotFound, BigFsErrorCode.Unavailable)]
    [TestCase(ChunkStatus.Stalled, BigFsErrorCode.TimedOut)]
    public async Task Silence_for_the_stall_time_out_is_not_absence(ChunkStatus status, BigFsErrorCode code)
    {
        var (cluster, _) = await UploadedAsync(2 * Chunk);
        cluster.Transport.OnRead = (_, _, _) => Task.FromResult(status);
        await using BigFsClient client = cluster.Client(stallSeconds: 0.2);

        BigFsException error = await FailedAsync(client);

        Assert.That(error.Code, Is.EqualTo(code));
        Assert.That(error.Attempts, Is.GreaterThan(2));
        Assert.That(error.Endpoint, Does.StartWith("node-"));
    }

    [Test]
    public async Task A_version_whose_chunks_are_gone_has_expired_when_the_file_has_another([Values] bool replaced)
    {
        var (cluster, _) = await UploadedAsync(2 * Chunk);
        await using BigFsClient client = cluster.Client();
        await using BigFsReadStream old = await client.OpenReadAsync("/a");
        cluster.Stored.Clear();
        if (replaced)
        {
            await client.UploadBytesAsync("/a", new byte[10]);
        }

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => old.ReadAsync(new byte[10]).AsTask()))!;

        Assert.That(error.Code, Is.EqualTo(replaced ? BigFsErrorCode.VersionExpired : BigFsErrorCode.Damaged));
    }

    [Test]
    public async Task A_manifest_that_is_short_or_adds_up_to_another_checksum_is_refused_before_a_byte([Values("short", "size", "crc")] string what)
    {
        var (cluster, _) = await UploadedAsync(4 * Chunk);
        cluster.FileServer.OnOpen = opened => what switch
        {
            "short" => opened with { Manifest = opened.Manifest.RemoveAt(1) },
            "size" => opened with { File = opened.File with { Size = opened.File.Size + 1 } },
            _ => opened with { File = opened.File with { Crc32C = opened.File.Crc32C ^ 1 } },
        };
        await using BigFsClient client = cluster.Client();
        using var destination = new MemoryStream();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.DownloadAsync("/a", destination)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Damaged));
        Assert.That(destination.Length, Is.Zero);
    }

    [Test]
    public async Task Nothing_there_is_an_error_that_names_the_path()
    {
        await using BigFsClient client = new FakeCluster().Client();

        BigFsException error = await FailedAsync(client);

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.NotFound));
        Assert.That(error.Message, Does.Contain("/a"));
    }

    [Test]
    public async Task The_destinations_exception_passes_unwrapped()
    {
        var (cluster, _) = await UploadedAsync(4 * Chunk);
        await using BigFsClient client = cluster.Client();
        using var destination = new CallbackStream((_, _) => throw new InvalidDataException("mine"));

        InvalidDataException error =
            (await Assert.ThrowsAsync<InvalidDataException>(() => client.DownloadAsync("/a", destination)))!;

        Assert.That(error.Message, Is.EqualTo("mine"));
    }

    [Test]
    public async Task Cancelling_takes_effect_at_once_whatever_hangs([Values("read", "destination", "open")] string what)
    {
        var (cluster, _) = await UploadedAsync(4 * Chunk);
        await using BigFsClient client = cluster.Client();
        using var cancel = new CancellationTokenSource();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        async Task HangAsync()
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
        }

        using var destination = new CallbackStream((_, _) => what == "destination" ? HangAsync() : Task.CompletedTask);
        cluster.FileServer.Before = (_, _) => what == "open" ? HangAsync() : Task.CompletedTask;
        cluster.Transport.OnRead = async (_, _, _) =>
        {
            if (what == "read")
            {
                await HangAsync();
            }

            return ChunkStatus.Ok;
        };

        Task<BigFsFile> download = client.DownloadAsync("/a", destination, cancellationToken: cancel.Token);
        await reached.Task;
        long began = TimeProvider.System.GetTimestamp();
        await cancel.CancelAsync();

        OperationCanceledException error = (await Assert.CatchAsync<OperationCanceledException>(() => download))!;
        Assert.That(TimeProvider.System.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(error.CancellationToken, Is.EqualTo(cancel.Token));
    }

    [Test]
    public async Task Progress_rises_to_the_size()
    {
        var (cluster, _) = await UploadedAsync((9 * Chunk) + 1);
        await using BigFsClient client = cluster.Client();
        var progress = new SynchronousProgress();

        await client.DownloadAsync("/a", Stream.Null, new DownloadOptions { Progress = progress });

        Assert.That(progress.Values, Is.Ordered.Ascending.And.Unique);
        Assert.That(progress.Values[^1], Is.EqualTo((9 * Chunk) + 1));
    }

    [Test]
    public async Task Disposing_the_client_ends_a_download_under_way()
    {
        var (cluster, _) = await UploadedAsync(4 * Chunk);
        BigFsClient client = cluster.Client();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Transport.OnRead = async (_, _, token) =>
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, token);
            return ChunkStatus.Ok;
        };

        Task<BigFsFile> download = client.DownloadAsync("/a", Stream.Null);
        await reached.Task;
        await client.DisposeAsync();
        await client.DisposeAsync();

        Assert.That(() => download, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => client.FindAsync("/a"), Throws.InstanceOf<ObjectDisposedException>());
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (long seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            if (Interlocked.CompareExchange(ref most, value, seen) == seen)
            {
                return;
            }
        }
    }
}
