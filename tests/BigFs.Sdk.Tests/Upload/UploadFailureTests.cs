using BigFs.Core.Metadata;

namespace BigFs.Sdk.Tests.Upload;

[CancelAfter(20_000)]
internal sealed class UploadFailureTests
{
    private const int Chunk = 64 << 10;

    private static UploadOptions Options(int concurrency = 4, IProgress<long>? progress = null) =>
        new() { ChunkSize = Chunk, Concurrency = concurrency, Progress = progress };

    private static async Task<byte[]> DownloadAsync(BigFsClient client, BigFsPath path)
    {
        using var back = new MemoryStream();
        await client.DownloadAsync(path, back);
        return back.ToArray();
    }

    [Test]
    public async Task A_shortage_of_nodes_is_refused_before_the_source_is_read()
    {
        var cluster = new FakeCluster();
        cluster.Down[cluster.Nodes[0].Id] = true;
        cluster.Down[cluster.Nodes[1].Id] = true;
        await using BigFsClient client = cluster.Client();
        using var source = new PipeLikeStream(Make.Bytes(10), 1);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", source, Options())))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.NotEnoughNodes));
            Assert.That(error.Path, Is.EqualTo("/a"));
            Assert.That(source.HandedOut, Is.Zero);
        }
    }

    [Test]
    public async Task A_source_that_throws_midway_passes_its_own_exception_and_aborts()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var source = new PipeLikeStream(Make.Bytes(5 * Chunk), Chunk)
        {
            OnRead = (position, _) => position >= 3 * Chunk ? throw new InvalidDataException("mine") : Task.CompletedTask,
        };

        InvalidDataException error =
            (await Assert.ThrowsAsync<InvalidDataException>(() => client.UploadAsync("/a", source, Options())))!;

        Assert.That(error.Message, Is.EqualTo("mine"));
        Assert.That(cluster.Files, Is.Empty);
        Assert.That(cluster.FileServer.Aborted.Single(), Is.EquivalentTo(cluster.Transport.Writes));
    }

    [Test]
    public async Task Cancelling_midway_takes_effect_at_once_and_aborts_with_what_was_written(
        [Values("source hangs", "source ignores its token", "write hangs", "write ignores its token")] string where)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var cancel = new CancellationTokenSource();
        using var source = new PipeLikeStream(Make.Bytes(5 * Chunk), Chunk);
        bool honest = where.EndsWith("hangs", StringComparison.Ordinal);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        async Task HangAsync(CancellationToken token)
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, honest ? token : CancellationToken.None);
        }

        if (where.StartsWith("source", StringComparison.Ordinal))
        {
            source.OnRead = (position, token) => position >= 2 * Chunk ? HangAsync(token) : Task.CompletedTask;
        }
        else
        {
            cluster.Transport.OnWrite = async (_, token) =>
            {
                if (cluster.Transport.Writes.Count > 1)
                {
                    await HangAsync(token);
                }

                return (ChunkStatus.Ok, null);
            };
        }

        Task<UploadResult> upload = client.UploadAsync("/a", source, Options(concurrency: 2), cancel.Token);
        await reached.Task;
        long began = TimeProvider.System.GetTimestamp();
        await cancel.CancelAsync();

        OperationCanceledException error = (await Assert.CatchAsync<OperationCanceledException>(() => upload))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(TimeProvider.System.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(1)));
            Assert.That(error.CancellationToken, Is.EqualTo(cancel.Token));
            Assert.That(cluster.FileServer.Aborted.Single(), Is.EquivalentTo(cluster.Transport.Writes).And.Not.Empty);
            Assert.That(cluster.Files, Is.Empty);
        }
    }

    [Test]
    public async Task Tries_that_failed_are_named_at_the_commit_as_discarded()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        int writes = 0;
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult<(ChunkStatus, NodeId?)>(
            Interlocked.Increment(ref writes) <= 2 ? (ChunkStatus.Stalled, grant.Pipeline[0].Id) : (ChunkStatus.Ok, null));

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(3 * Chunk)), Options());

        CommitUploadRequest commit = cluster.FileServer.Commits.Single();
        Assert.That(commit.Manifest, Has.Length.EqualTo(3));
        Assert.That(commit.Discarded, Has.Length.EqualTo(2));
        Assert.That(commit.Manifest.Concat(commit.Discarded), Is.EquivalentTo(cluster.Transport.Writes));
    }

    [Test]
    public async Task A_failed_replica_costs_one_chunk_again_from_its_buffer_on_nodes_without_the_failed_one()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(6 * Chunk);
        NodeId bad = cluster.Nodes[1].Id;
        int failures = 0;
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult<(ChunkStatus, NodeId?)>(
            grant.Pipeline.Any(node => node.Id == bad) && Interlocked.Increment(ref failures) == 1
                ? (ChunkStatus.Unreachable, bad)
                : (ChunkStatus.Ok, null));
        using var source = new PipeLikeStream(content, Chunk);

        await client.UploadAsync("/a", source, Options(concurrency: 1));

        uint again = cluster.Transport.Writes.GroupBy(write => write.Crc32C).Single(group => group.Count() == 2).Key;
        List<ChunkReference> after = [.. cluster.Transport.Writes.SkipWhile(write => write.Crc32C != again).Skip(1)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await DownloadAsync(client, "/a"), Is.EqualTo(content));
            Assert.That(cluster.Transport.Writes, Has.Count.EqualTo(7));
            Assert.That(cluster.FileServer.Avoided, Has.Some.Contains(bad));
            Assert.That(cluster.FileServer.Reports.Single().Node, Is.EqualTo(bad));
            Assert.That(
                after.SelectMany(write => cluster.Locate([write.Volume])[0].Members).Select(node => node.Id),
                Does.Not.Contain(bad));
        }
    }

    [Test]
    public async Task A_full_volume_is_left_and_told_without_avoiding_a_node()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        VolumeId? full = null;
        cluster.Transport.OnWrite = (grant, _) =>
        {
            full ??= grant.Volume;
            return Task.FromResult<(ChunkStatus, NodeId?)>(
                grant.Volume == full && cluster.Transport.Writes.Count < 2
                    ? (ChunkStatus.VolumeFull, grant.Pipeline[0].Id)
                    : (ChunkStatus.Ok, null));
        };

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(4 * Chunk)), Options(concurrency: 1));

        Assert.That(cluster.FileServer.Reports.Select(report => report.Status), Is.All.EqualTo(ChunkStatus.VolumeFull));
        Assert.That(cluster.FileServer.Avoided, Has.All.Empty);
        Assert.That(cluster.Files, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_upload_under_way_waits_while_nodes_are_missing_and_goes_on_when_they_return()
    {
        var cluster = new FakeCluster(nodes: 2);
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(3 * Chunk);
        int refusals = 0;
        cluster.FileServer.Before = (call, _) => call == "grant" && Interlocked.Increment(ref refusals) <= 3
            ? throw new BigFsException(BigFsErrorCode.NotEnoughNodes, "1 datanode is up, 2 are needed.")
            : Task.CompletedTask;

        await client.UploadAsync("/a", new PipeLikeStream(content, Chunk), Options(concurrency: 1));

        Assert.That(await DownloadAsync(client, "/a"), Is.EqualTo(content));
        Assert.That(refusals, Is.GreaterThan(3));
    }

    [TestCase(ChunkStatus.OutOfSpace, BigFsErrorCode.OutOfSpace)]
    [TestCase(ChunkStatus.Stalled, BigFsErrorCode.TimedOut)]
    [TestCase(ChunkStatus.Unreachable, BigFsErrorCode.Unavailable)]
    public async Task A_chunk_that_fails_for_the_stall_time_out_fails_the_upload(ChunkStatus status, BigFsErrorCode code)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.2);
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult<(ChunkStatus, NodeId?)>((status, grant.Pipeline[0].Id));

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/a", new PipeLikeStream(Make.Bytes(9 * Chunk), 100), Options())))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(code));
            Assert.That(error.Path, Is.EqualTo("/a"));
            Assert.That(error.Attempts, Is.GreaterThan(1));
            Assert.That(error.Endpoint, Does.StartWith("node-"));
            Assert.That(cluster.FileServer.Aborted.Single(), Is.EquivalentTo(cluster.Transport.Writes));
        }
    }

    [Test]
    public async Task An_acknowledgement_with_another_checksum_does_not_count()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.1);
        var liar = new Moq.Mock<Core.Transfer.IChunkTransport>();
        liar.Setup(transport => transport.WriteAsync(
                Moq.It.IsAny<ChunkGrant>(), Moq.It.IsAny<ReadOnlyMemory<byte>>(), Moq.It.IsAny<uint>(), Moq.It.IsAny<CancellationToken>()))
            .Returns((ChunkGrant grant, ReadOnlyMemory<byte> _, uint crc, CancellationToken _) => ValueTask.FromResult(new Core.Transfer.ChunkWriteResult
            {
                Status = ChunkStatus.Ok,
                Replicas = [.. grant.Pipeline.Select(node => new Core.Transfer.ReplicaAcknowledgement(node.Id, crc + 1, BigFsDurability.Flushed))],
            }));
        await using var deceived = new BigFsClient(
            new BigFsClientOptions { StallTimeout = TimeSpan.FromMilliseconds(100) }, cluster.FileServer, liar.Object);

        Assert.That(
            () => deceived.UploadAsync("/a", new MemoryStream([1]), Options()),
            Throws.InstanceOf<BigFsException>().With.Property(nameof(BigFsException.Code)).EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(cluster.Files, Is.Empty);
    }

    [Test]
    public async Task A_commit_whose_answer_was_lost_is_asked_again_under_the_same_operation_id(
        [Values("commit", "commit-file")] string kind)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        int commits = 0;
        cluster.FileServer.Before = (call, _) => call == kind && Interlocked.Increment(ref commits) == 1
            ? throw new BigFsException(BigFsErrorCode.Unavailable, "The connection broke.")
            : Task.CompletedTask;

        await client.UploadAsync("/a", new MemoryStream(new byte[kind == "commit" ? 2 * Chunk : 3]), Options());

        Assert.That(cluster.FileServer.Count(kind), Is.EqualTo(2));
        Assert.That(cluster.Files, Has.Count.EqualTo(1));
        Assert.That(cluster.FileServer.Aborted, Is.Empty);
    }

    [Test]
    public async Task A_session_that_ended_ends_the_upload_even_while_the_source_is_silent()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        cluster.FileServer.TimeToLive = TimeSpan.FromMilliseconds(30);
        cluster.FileServer.Before = (call, _) => call == "renew"
            ? throw new BigFsException(BigFsErrorCode.SessionExpired, "The session has ended.")
            : Task.CompletedTask;
        using var source = new PipeLikeStream(Make.Bytes(3 * Chunk), Chunk)
        {
            OnRead = (position, _) => position >= 2 * Chunk ? Task.Delay(Timeout.Infinite, CancellationToken.None) : Task.CompletedTask,
        };

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", source, Options())))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.SessionExpired));
    }
}
