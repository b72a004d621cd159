using BigFs.Core.Chunking;

namespace BigFs.Sdk.Tests.Upload;

[CancelAfter(20_000)]
internal sealed class UploadTests
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
    public async Task Files_of_every_awkward_length_come_back_from_every_kind_of_source(
        [Values(0, 1, 4095, Chunk - 1, Chunk, Chunk + 1, (3 * Chunk) + 17)] int length,
        [Values("memory", "pipe", "one byte at a time")] string source,
        [Values(1, 4)] int concurrency)
    {
        if (source == "one byte at a time" && length > Chunk + 1)
        {
            length = Chunk + 2;
        }

        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length);
        using Stream stream = source switch
        {
            "memory" => new MemoryStream(content),
            "pipe" => new PipeLikeStream(content, 10_000),
            _ => new PipeLikeStream(content, 1),
        };

        UploadResult result = await client.UploadAsync("/a/b", stream, Options(concurrency));

        int chunks = (length + Chunk - 1) / Chunk;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await DownloadAsync(client, "/a/b"), Is.EqualTo(content));
            Assert.That(result.File.Size, Is.EqualTo(length));
            Assert.That(result.File.Crc32C, Is.EqualTo(Crc32C.Compute(content)));
            Assert.That(result.Receipt.Crc32C, Is.EqualTo(Crc32C.Compute(content)));
            Assert.That(result.Receipt.Chunks, Is.EqualTo(chunks));
            Assert.That(result.Receipt.Replicas, Is.EqualTo(2));
            Assert.That(result.Receipt.NameDurability, Is.EqualTo("memory"));
            Assert.That(result.Receipt.Volumes.Sum(volume => volume.Bytes), Is.EqualTo(length));
            Assert.That(result.Receipt.Volumes, Has.All.Matches<VolumeReceipt>(volume => volume!.Nodes.Count == 2));
            Assert.That(cluster.Transport.Writes, Has.Count.EqualTo(chunks));
            Assert.That(cluster.FileServer.Aborted, Is.Empty);
        }
    }

    [Test]
    public async Task A_source_is_read_from_its_current_position_and_not_disposed()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(1000);
        using var stream = new MemoryStream(content) { Position = 400 };

        await client.UploadAsync("/a", stream, Options());

        Assert.That(await DownloadAsync(client, "/a"), Is.EqualTo(content[400..]));
        Assert.That(stream.CanRead, "the source was disposed");

        using var pipe = new PipeLikeStream(content, 100);
        await client.UploadAsync("/b", pipe, Options());
        Assert.That(pipe.WasDisposed, Is.False);
    }

    [Test]
    public async Task An_empty_file_of_known_length_asks_for_no_grant()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();

        await client.UploadAsync("/empty", Stream.Null, Options());

        Assert.That(cluster.FileServer.Asked, Is.EqualTo(new[] { 0 }));
    }

    [Test]
    public async Task Grants_come_in_batches_ahead_of_need()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(10 * Chunk)), Options(concurrency: 4));

        Assert.That(cluster.FileServer.Asked, Is.EqualTo(new[] { 4, 4, 2 }));
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
    public async Task A_full_volume_is_left_without_blaming_a_node()
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

        Assert.That(cluster.FileServer.Reports, Is.Empty);
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
    public async Task Bytes_taken_from_the_source_and_not_yet_acknowledged_stay_within_chunk_size_times_concurrency()
    {
        const int concurrency = 3;
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        long acknowledged = 0, most = 0;
        using var source = new PipeLikeStream(Make.Bytes(40 * Chunk), Chunk / 3);
        source.OnRead = (position, _) =>
        {
            most = Math.Max(most, position - Interlocked.Read(ref acknowledged));
            return Task.CompletedTask;
        };
        cluster.Transport.OnWrite = async (_, _) =>
        {
            await Task.Yield();
            Interlocked.Add(ref acknowledged, Chunk);
            return (ChunkStatus.Ok, null);
        };

        await client.UploadAsync("/a", source, Options(concurrency));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(most, Is.LessThanOrEqualTo(concurrency * Chunk));
            Assert.That(cluster.Transport.MostWriting, Is.InRange(1, concurrency));
            Assert.That(cluster.Transport.MostBytesWriting, Is.LessThanOrEqualTo(concurrency * Chunk));
        }
    }

    [Test]
    public async Task All_buffers_are_in_flight_at_once_when_writes_are_slow()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Transport.OnWrite = async (_, _) =>
        {
            await go.Task;
            return (ChunkStatus.Ok, null);
        };

        Task<UploadResult> upload = client.UploadAsync("/a", new MemoryStream(Make.Bytes(10 * Chunk)), Options(concurrency: 3));
        await Make.UntilAsync(() => cluster.Transport.MostWriting == 3, "three writes at once");
        go.SetResult();
        await upload;

        Assert.That(cluster.Transport.MostWriting, Is.EqualTo(3));
    }

    [Test]
    public async Task Progress_never_goes_down_and_ends_at_the_size()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        var progress = new SynchronousProgress();
        int writes = 0;
        cluster.Transport.OnWrite = async (grant, _) =>
        {
            await Task.Yield();
            return Interlocked.Increment(ref writes) % 5 == 0 ? (ChunkStatus.Stalled, grant.Pipeline[0].Id) : (ChunkStatus.Ok, null);
        };

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes((30 * Chunk) + 5)), Options(8, progress));

        Assert.That(progress.Values, Is.Ordered.Ascending.And.Unique);
        Assert.That(progress.Values[^1], Is.EqualTo((30 * Chunk) + 5));
    }

    [Test]
    public async Task A_commit_whose_answer_was_lost_is_asked_again_under_the_same_operation_id()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        int commits = 0;
        cluster.FileServer.Before = (call, _) => call == "commit" && Interlocked.Increment(ref commits) == 1
            ? throw new BigFsException(BigFsErrorCode.Unavailable, "The connection broke.")
            : Task.CompletedTask;

        await client.UploadAsync("/a", new MemoryStream([1, 2, 3]), Options());

        Assert.That(cluster.FileServer.Count("commit"), Is.EqualTo(2));
        Assert.That(cluster.Files, Has.Count.EqualTo(1));
        Assert.That(cluster.FileServer.Aborted, Is.Empty);
    }

    [Test]
    public async Task A_long_upload_renews_its_session_every_third_of_its_life()
    {
        var cluster = new FakeCluster();
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using BigFsClient client = cluster.Client(time);
        cluster.FileServer.TimeToLive = TimeSpan.FromMinutes(3);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var source = new PipeLikeStream(Make.Bytes(10), 1)
        {
            OnRead = (position, _) =>
            {
                if (position != 5)
                {
                    return Task.CompletedTask;
                }

                reached.TrySetResult();
                return go.Task;
            },
        };

        Task<UploadResult> upload = client.UploadAsync("/a", source, Options());
        await reached.Task;
        for (int renewals = 1; renewals <= 5; renewals++)
        {
            int expected = renewals;
            time.Advance(TimeSpan.FromMinutes(1));
            await Make.UntilAsync(() => cluster.FileServer.Count("renew") == expected, $"renewal {expected}");
            time.Advance(TimeSpan.Zero);
        }

        go.SetResult();
        await upload;
        Assert.That(cluster.FileServer.Count("renew"), Is.EqualTo(5));
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
        using var source = new PipeLikeStream(Make.Bytes(10), 1)
        {
            OnRead = (position, _) => position == 5 ? Task.Delay(Timeout.Infinite, CancellationToken.None) : Task.CompletedTask,
        };

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", source, Options())))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.SessionExpired));
    }

    [TestCase(nameof(UploadOptions.ChunkSize))]
    [TestCase(nameof(UploadOptions.Concurrency))]
    [TestCase(nameof(UploadOptions.Replicas))]
    [TestCase(nameof(UploadOptions.ContentType))]
    public async Task An_option_out_of_range_is_named(string option)
    {
        await using BigFsClient client = new FakeCluster().Client();
        UploadOptions options = option switch
        {
            nameof(UploadOptions.ChunkSize) => new UploadOptions { ChunkSize = 1000 },
            nameof(UploadOptions.Concurrency) => new UploadOptions { Concurrency = 65 },
            nameof(UploadOptions.Replicas) => new UploadOptions { Replicas = 0 },
            _ => new UploadOptions { ContentType = new string('x', 256) },
        };

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", Stream.Null, options)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
        Assert.That(error.Message, Does.Contain(option));
    }
}
