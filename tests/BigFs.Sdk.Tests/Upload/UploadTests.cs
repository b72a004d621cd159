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

        Assert.That(cluster.FileServer.Asked, Is.Empty);
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
        DateTimeOffset start = time.GetUtcNow();
        await Make.UntilAsync(
            () =>
            {
                // In small steps: the pause before the next renewal begins only when the last one has been answered.
                time.Advance(TimeSpan.FromSeconds(10));
                return cluster.FileServer.Count("renew") >= 5;
            },
            "five renewals");
        Assert.That(time.GetUtcNow() - start, Is.GreaterThanOrEqualTo(TimeSpan.FromMinutes(5)));
        go.SetResult();
        await upload;
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

    [Test]
    public async Task A_tiny_file_costs_a_tiny_buffer_and_a_long_one_whole_chunks([Values] bool lengthKnown)
    {
        await using BigFsClient client = new FakeCluster().Client();
        using var tiny = new OfferedStream(Make.Bytes(10), lengthKnown);
        using var large = new OfferedStream(Make.Bytes(4 << 20), lengthKnown);
        var options = new UploadOptions { ChunkSize = 1 << 20, Concurrency = 2 };

        await client.UploadAsync("/a", tiny, options);
        await client.UploadAsync("/b", large, options);

        Assert.That(tiny.LargestOffered, Is.LessThanOrEqualTo(lengthKnown ? 4 << 10 : 64 << 10));
        Assert.That(large.LargestOffered, Is.EqualTo(1 << 20));
    }

    /// <summary>Remembers the longest buffer that it was asked to fill.</summary>
    private sealed class OfferedStream(byte[] content, bool canSeek) : MemoryStream(content)
    {
        public int LargestOffered { get; private set; }

        public override bool CanSeek => canSeek;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            LargestOffered = Math.Max(LargestOffered, buffer.Length);
            return base.ReadAsync(buffer, cancellationToken);
        }
    }
}
