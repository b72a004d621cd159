using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Internal.Upload;

namespace BigFs.Sdk.Tests.Upload;

/// <summary>A file of many chunks: its manifest goes to the cluster part by part.</summary>
[CancelAfter(60_000)]
[NonParallelizable]
internal sealed class LongManifestTests
{
    private const int Chunk = 64 << 10;
    private const int Part = Limits.ManifestPageChunks;

    private static UploadOptions Options => new() { ChunkSize = Chunk, Concurrency = 4 };

    [TestCase(Part, 0)]
    [TestCase(Part + 1, 1)]
    [TestCase((2 * Part) + 5, 2)]
    public async Task Full_parts_are_staged_in_order_and_the_commit_has_the_rest(int chunks, int parts)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var source = new Pattern((long)(chunks - 1) * Chunk + 17);

        UploadResult result = await client.UploadAsync("/long", source, Options);

        Assert.That(cluster.FileServer.Staged.Select(part => part.First), Is.EqualTo(Enumerable.Range(0, parts).Select(i => i * Part)));
        CommitUploadRequest commit = cluster.FileServer.Commits.Single();
        Assert.That((commit.Staged, commit.Manifest.Length), Is.EqualTo((parts * Part, chunks - (parts * Part))));
        Assert.That(commit.Discarded, Is.Empty);
        ChunkReference[] all = [.. cluster.Files["/long"].Manifest];
        Assert.That(all[^1].Length, Is.EqualTo(17));
        Assert.That(all.Select(chunk => chunk.Key).Distinct().Count(), Is.EqualTo(chunks));
        Assert.That(
            all.Aggregate(0u, (sum, chunk) => Crc32C.Combine(sum, chunk.Crc32C, chunk.Length)), Is.EqualTo(result.File.Crc32C));
        Assert.That((result.Receipt.Chunks, result.Receipt.Replicas), Is.EqualTo((chunks, 2)));
        Assert.That(result.Receipt.Volumes.Sum(volume => volume.Bytes), Is.EqualTo(result.File.Size));
    }

    [Test]
    public async Task Lost_answers_and_failed_tries_neither_lose_nor_double_anything()
    {
        var cluster = new FakeCluster();
        int writes = 0, stages = 0;
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult(Interlocked.Increment(ref writes) % 400 == 0
            ? (ChunkStatus.Busy, (NodeId?)grant.Pipeline[0].Id)
            : (ChunkStatus.Ok, null));
        cluster.FileServer.Before = (call, _) => call == "stage" && Interlocked.Increment(ref stages) % 2 == 1
            ? throw new BigFsException(BigFsErrorCode.Unavailable, "Away.")
            : Task.CompletedTask;
        await using BigFsClient client = cluster.Client();

        await client.UploadAsync("/long", new Pattern((2L * Part + 100) * Chunk), Options);

        ChunkKey[] file = [.. cluster.Files["/long"].Manifest.Select(chunk => chunk.Key)];
        CommitUploadRequest commit = cluster.FileServer.Commits.Single();
        Assert.That(stages, Is.EqualTo(4), "each part was asked for again");
        Assert.That(file.Distinct().Count(), Is.EqualTo((2 * Part) + 100));
        Assert.That(
            commit.Discarded.Select(chunk => chunk.Key),
            Is.EquivalentTo(cluster.Transport.Writes.Select(chunk => chunk.Key).Except(file)));
        Assert.That(commit.Discarded, Is.Not.Empty);
    }

    [Test]
    public async Task An_upload_that_fails_after_a_part_was_staged_gives_up_the_others_itself()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var source = new Pattern(long.MaxValue)
        {
            OnRead = position => position < (Part + 200L) * Chunk ? 0
                : SpinWait.SpinUntil(() => !cluster.FileServer.Staged.IsEmpty, TimeSpan.FromSeconds(10)) ? throw new InvalidDataException("mine")
                : throw new TimeoutException("nothing was staged"),
        };

        await Assert.ThrowsAsync<InvalidDataException>(() => client.UploadAsync("/long", source, Options));

        var staged = cluster.FileServer.Staged.Single().Chunks.Select(chunk => chunk.Key).ToHashSet();
        ChunkReference[] aborted = [.. cluster.FileServer.Aborted.Single()];
        Assert.That(cluster.Transport.Writes.Where(chunk => !staged.Contains(chunk.Key)), Is.SubsetOf(aborted));
        Assert.That(aborted, Is.SubsetOf(cluster.Transport.Writes));
    }

    [Test]
    public async Task A_part_that_is_refused_ends_the_upload_with_what_was_said()
    {
        var cluster = new FakeCluster();
        cluster.FileServer.Before = (call, _) => call == "stage"
            ? throw new BigFsException(BigFsErrorCode.SessionExpired, "The session has ended.")
            : Task.CompletedTask;
        await using BigFsClient client = cluster.Client();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/long", new Pattern(long.MaxValue), Options)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.SessionExpired));
        Assert.That(cluster.Files, Is.Empty);
    }

    [Test]
    public async Task Who_is_a_part_ahead_of_a_slow_chunk_waits_for_it()
    {
        // Nothing is staged here, so no client is asked.
        var manifest = new UploadManifest(null!, BigFsPath.Parse("/long"), Guid.Empty, _ => { });

        Task near = manifest.AddAsync(Part - 1, Written(Part - 1), default).AsTask();
        Task far = manifest.AddAsync(Part, Written(Part), default).AsTask();
        Task farther = manifest.AddAsync(Part + 1, Written(Part + 1), default).AsTask();
        Assert.That((near.IsCompleted, far.IsCompleted, farther.IsCompleted), Is.EqualTo((true, false, false)));

        await manifest.AddAsync(0, Written(0), default);
        await far;
        Assert.That(farther.IsCompleted, Is.False, "the next slow chunk is the second now");

        await manifest.AddAsync(1, Written(1), default);
        await farther;
    }

    [Test]
    public void Who_waits_for_a_slow_chunk_can_be_stopped()
    {
        var manifest = new UploadManifest(null!, BigFsPath.Parse("/long"), Guid.Empty, _ => { });
        using var stop = new CancellationTokenSource();

        Task far = manifest.AddAsync(Part, Written(Part), stop.Token).AsTask();
        stop.Cancel();

        Assert.That(async () => await far, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task Neither_memory_nor_requests_grow_with_the_file()
    {
        const int chunks = 60 * Part, early = 3 * Part;
        var cluster = new FakeCluster();
        cluster.Transport.Keeps = false;
        cluster.FileServer.KeepsParts = false;
        await using BigFsClient client = cluster.Client();
        long before = 0, after = 0;
        using var source = new Pattern((long)chunks * Chunk)
        {
            OnRead = position =>
            {
                if (position == (long)early * Chunk)
                {
                    before = GC.GetTotalMemory(forceFullCollection: true);
                }
                else if (position == (chunks - 1L) * Chunk)
                {
                    after = GC.GetTotalMemory(forceFullCollection: true);
                }

                return 0;
            },
        };

        await client.UploadAsync("/long", source, Options);

        TestContext.Out.WriteLine(
            $"FIGURE memory of an upload grew by {(after - before) / 1024} KiB from chunk {early} to chunk {chunks}");
        Assert.That(before, Is.GreaterThan(0));
        Assert.That(after - before, Is.LessThan(8 << 20), "a chunk held until the commit is some hundred bytes: 20 MiB here");
        Assert.That(cluster.FileServer.Commits.Single().Manifest, Has.Length.EqualTo(Part));
    }

    private static WrittenChunk Written(int place) =>
        new(new ChunkReference(new VolumeId(1), ChunkKey.Create(1, place + 1), Chunk, 0), []);

    /// <summary>Zeros of some length, of which nothing is kept.</summary>
    private sealed class Pattern(long length) : Stream
    {
        private long _position;

        /// <summary>Called before each read with the bytes handed out so far.</summary>
        public Func<long, int>? OnRead { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            OnRead?.Invoke(_position);
            int count = (int)Math.Min(Math.Min(buffer.Length, Chunk - (_position % Chunk)), length - _position);
            buffer.Span[..count].Clear();
            _position += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("synchronous");

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
