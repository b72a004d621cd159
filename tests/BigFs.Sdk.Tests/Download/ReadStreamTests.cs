using CsCheck;

namespace BigFs.Sdk.Tests.Download;

[CancelAfter(20_000)]
internal sealed class ReadStreamTests
{
    private const int Chunk = 256 << 10;

    private static async Task<(FakeCluster Cluster, byte[] Content)> UploadedAsync(int length)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length);
        await client.UploadAsync("/a", new MemoryStream(content), new UploadOptions { ChunkSize = Chunk });
        return (cluster, content);
    }

    [Test]
    public async Task Any_pattern_of_seeks_and_reads_gives_what_a_memory_stream_gives()
    {
        const int length = (7 * Chunk) + 1234;
        var (cluster, content) = await UploadedAsync(length);
        await using BigFsClient client = cluster.Client();
        Gen<(int Kind, int Offset, int Count)[]> patterns = Gen.Select(
            Gen.Int[0, 4], Gen.Int[0, length + 10], Gen.Int[0, 3 * Chunk]).Array[1, 25];

        await patterns.SampleAsync(
            async steps =>
            {
                using var model = new MemoryStream(content, writable: false);
                await using BigFsReadStream stream = await client.OpenReadAsync("/a");
                foreach ((int kind, int offset, int count) in steps)
                {
                    switch (kind)
                    {
                        case 0:
                            stream.Seek(offset, SeekOrigin.Begin);
                            model.Seek(offset, SeekOrigin.Begin);
                            break;
                        case 1 when offset <= length:
                            stream.Seek(-offset, SeekOrigin.End);
                            model.Seek(-offset, SeekOrigin.End);
                            break;
                    }

                    var wanted = new byte[count];
                    int expected = model.Read(wanted, 0, count);
                    var got = new byte[count];
                    int read = kind == 4
                        ? stream.ReadAtLeast(got, count, throwOnEndOfStream: false)
                        : await stream.ReadAtLeastAsync(got, count, throwOnEndOfStream: false);
                    if (read != expected || !got.AsSpan().SequenceEqual(wanted) || stream.Position != model.Position)
                    {
                        return false;
                    }
                }

                return true;
            },
            iter: 150,
            seed: "0000KOIXe5s5");
    }

    [Test]
    public async Task A_small_read_after_a_seek_fetches_a_block_and_not_the_chunk()
    {
        var (cluster, content) = await UploadedAsync(4 * Chunk);
        await using BigFsClient client = cluster.Client();
        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        stream.Position = (2 * Chunk) + 100_000;
        var got = new byte[10];

        await stream.ReadExactlyAsync(got);
        stream.Position -= 50;
        await stream.ReadExactlyAsync(got);

        Assert.That(got, Is.EqualTo(content.AsSpan((2 * Chunk) + 99_960, 10).ToArray()));
        (NodeId _, ChunkReference _, int offset, int length) = cluster.Transport.Reads.Single();
        Assert.That(offset % Limits.BlockSize, Is.Zero);
        Assert.That(length, Is.LessThanOrEqualTo(2 * Limits.BlockSize));
    }

    [Test]
    public async Task Reading_in_sequence_soon_fetches_whole_chunks_ahead_once_each()
    {
        var (cluster, content) = await UploadedAsync(20 * Chunk);
        await using BigFsClient client = cluster.Client();
        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        using var copy = new MemoryStream();

        await stream.CopyToAsync(copy, 10_000);

        Assert.That(copy.ToArray(), Is.EqualTo(content));
        Assert.That(cluster.Transport.Reads.Sum(read => (long)read.Length), Is.EqualTo(content.Length));
        Assert.That(cluster.Transport.Reads.Count(read => read.Length == Chunk), Is.GreaterThan(15));
    }

    [Test]
    public async Task It_stays_on_its_version_when_the_file_is_replaced()
    {
        var (cluster, content) = await UploadedAsync(3 * Chunk);
        await using BigFsClient client = cluster.Client();
        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        await client.UploadBytesAsync("/a", new byte[] { 1, 2, 3 });
        var got = new byte[content.Length];

        await stream.ReadExactlyAsync(got);

        Assert.That(got, Is.EqualTo(content));
        Assert.That(stream.File.Size, Is.EqualTo(content.Length));
    }

    [Test]
    public async Task A_cancelled_read_can_be_repeated()
    {
        var (cluster, content) = await UploadedAsync(Chunk);
        await using BigFsClient client = cluster.Client();
        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Transport.OnRead = async (_, _, _) =>
        {
            await go.Task;
            return ChunkStatus.Ok;
        };
        using var cancel = new CancellationTokenSource();
        var got = new byte[100];

        Task<int> first = stream.ReadAsync(got, cancel.Token).AsTask();
        Assert.That(() => stream.ReadAsync(got).AsTask(), Throws.InvalidOperationException, "two reads at once");
        await cancel.CancelAsync();
        Assert.That(() => first, Throws.InstanceOf<OperationCanceledException>());
        go.SetResult();
        await stream.ReadExactlyAsync(got);

        Assert.That(got, Is.EqualTo(content[..100]));
        Assert.That(cluster.Transport.Reads, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_failed_read_can_be_repeated_when_the_cluster_is_back()
    {
        var (cluster, content) = await UploadedAsync(Chunk);
        await using BigFsClient client = cluster.Client(stallSeconds: 0.05);
        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        cluster.Transport.OnRead = (_, _, _) => Task.FromResult(ChunkStatus.Unreachable);
        var got = new byte[100];

        Assert.That(() => stream.ReadAsync(got).AsTask(), Throws.InstanceOf<BigFsException>());
        cluster.Transport.OnRead = null;
        await stream.ReadExactlyAsync(got);

        Assert.That(got, Is.EqualTo(content[..100]));
    }

    [Test]
    public async Task After_its_end_it_reads_nothing_and_after_disposal_it_refuses()
    {
        var (cluster, _) = await UploadedAsync(10);
        await using BigFsClient client = cluster.Client();
        BigFsReadStream stream = await client.OpenReadAsync("/a");
        stream.Position = 10;

        Assert.That(await stream.ReadAsync(new byte[1]), Is.Zero);
        Assert.That(stream.ReadByte(), Is.EqualTo(-1));
        Assert.That(() => stream.Seek(-11, SeekOrigin.Current), Throws.InstanceOf<IOException>());
        await stream.DisposeAsync();
        Assert.That(() => stream.ReadAsync(new byte[1]).AsTask(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(stream.CanRead, Is.False);
    }
}
