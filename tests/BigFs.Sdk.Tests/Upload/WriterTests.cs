using System.IO.Compression;
using System.Text;

namespace BigFs.Sdk.Tests.Upload;

[CancelAfter(20_000)]
internal sealed class WriterTests
{
    private const int Chunk = 64 << 10;

    private static readonly UploadOptions Small = new() { ChunkSize = Chunk, Concurrency = 2 };

    private static async Task<MemoryStream> DownloadAsync(BigFsClient client, BigFsPath path)
    {
        var back = new MemoryStream();
        await client.DownloadAsync(path, back);
        back.Position = 0;
        return back;
    }

    [Test]
    public async Task What_is_written_in_pieces_of_any_size_is_the_file()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(5 * Chunk);
        var random = new Random(3);
        BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        await using (writer)
        {
            for (int position = 0; position < content.Length;)
            {
                int count = Math.Min(random.Next(1, 2 * Chunk), content.Length - position);
                if (random.Next(2) == 0)
                {
                    await writer.Content.WriteAsync(content.AsMemory(position, count));
                }
                else
                {
                    writer.Content.Write(content, position, count);
                }

                position += count;
            }

            Assert.That(cluster.Files, Is.Empty, "visible before the commit");
            UploadResult result = await writer.CommitAsync();
            Assert.That(result.File.Size, Is.EqualTo(content.Length));
        }

        Assert.That((await DownloadAsync(client, "/a")).ToArray(), Is.EqualTo(content));
        Assert.That(cluster.FileServer.Aborted, Is.Empty);
    }

    [Test]
    public async Task A_StreamWriter_may_close_the_content_before_the_commit()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await using BigFsWriter writer = await client.OpenWriteAsync("/a.txt", Small);
        await using (var text = new StreamWriter(writer.Content))
        {
            for (int line = 0; line < 10_000; line++)
            {
                await text.WriteLineAsync($"line {line}");
            }
        }

        Assert.That(writer.Content.CanWrite, Is.False);
        Assert.That(async () => await writer.Content.WriteAsync(new byte[1]), Throws.InstanceOf<ObjectDisposedException>());
        await writer.CommitAsync();

        string[] lines = Encoding.UTF8.GetString((await DownloadAsync(client, "/a.txt")).ToArray()).Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(10_001).And.Contains("line 9999"));
    }

    [Test]
    public async Task A_ZipArchive_writes_to_the_content_synchronously_and_asynchronously([Values] bool asynchronously)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(4 * Chunk);
        await using BigFsWriter writer = await client.OpenWriteAsync("/a.zip", Small);
        if (asynchronously)
        {
            ZipArchive archive = await ZipArchive.CreateAsync(writer.Content, ZipArchiveMode.Create, leaveOpen: false, entryNameEncoding: null);
            await using (archive)
            {
                await using Stream entry = await archive.CreateEntry("data").OpenAsync();
                await entry.WriteAsync(content);
            }
        }
        else
        {
            using var archive = new ZipArchive(writer.Content, ZipArchiveMode.Create);
            using Stream entry = archive.CreateEntry("data").Open();
            entry.Write(content);
        }

        await writer.CommitAsync();

        await using BigFsReadStream back = await client.OpenReadAsync("/a.zip");
        using var read = new ZipArchive(back, ZipArchiveMode.Read);
        using Stream data = read.GetEntry("data")!.Open();
        using var copy = new MemoryStream();
        data.CopyTo(copy);
        Assert.That(copy.ToArray(), Is.EqualTo(content));
    }

    [Test]
    public async Task Disposal_without_commit_aborts_and_leaves_the_old_content()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await client.UploadAsync("/a", new MemoryStream([1, 2, 3]), Small);
        cluster.Transport.Writes.Clear();

        BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        await using (writer)
        {
            await writer.Content.WriteAsync(Make.Bytes(3 * Chunk));
        }

        await writer.DisposeAsync();
        Assert.That((await DownloadAsync(client, "/a")).ToArray(), Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(cluster.FileServer.Aborted.Single(), Is.EquivalentTo(cluster.Transport.Writes));
        Assert.That(() => writer.CommitAsync(), Throws.InvalidOperationException);
    }

    [Test]
    public async Task Disposal_never_throws_even_when_nothing_answers()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        cluster.FileServer.Before = (_, _) => throw new BigFsException(BigFsErrorCode.Unavailable, "Gone.");
        cluster.Transport.OnWrite = (_, _) => throw new InvalidOperationException("broken");
        await writer.Content.WriteAsync(Make.Bytes(Chunk));

        Assert.That(async () => await writer.DisposeAsync(), Throws.Nothing);
    }

    [Test]
    public async Task A_second_commit_is_refused()
    {
        await using BigFsClient client = new FakeCluster().Client();
        await using BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        await writer.CommitAsync();

        Assert.That(() => writer.CommitAsync(), Throws.InvalidOperationException);
    }

    [Test]
    public async Task A_write_cut_short_by_cancellation_cannot_be_committed()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        cluster.Transport.OnWrite = async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return (ChunkStatus.Ok, null);
        };
        await using BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        using var cancel = new CancellationTokenSource();

        Task write = writer.Content.WriteAsync(Make.Bytes(5 * Chunk), cancel.Token).AsTask();
        await Make.UntilAsync(() => cluster.Transport.MostWriting == 2, "all buffers in flight");
        await cancel.CancelAsync();

        Assert.That(() => write, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => writer.CommitAsync(), Throws.InvalidOperationException);
        Assert.That(cluster.Files, Is.Empty);
        Assert.That(cluster.FileServer.Aborted, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_failed_chunk_is_told_by_the_next_write_and_by_the_commit()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.1);
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult<(ChunkStatus, NodeId?)>((ChunkStatus.DiskFailed, grant.Pipeline[0].Id));
        await using BigFsWriter writer = await client.OpenWriteAsync("/a", Small);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => writer.Content.WriteAsync(Make.Bytes(10 * Chunk)).AsTask()))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(() => writer.CommitAsync(), Throws.InstanceOf<BigFsException>());
    }

    [Test]
    public async Task Cancelling_the_commit_aborts_within_a_second()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await using BigFsWriter writer = await client.OpenWriteAsync("/a", Small);
        using var cancel = new CancellationTokenSource();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.FileServer.Before = async (call, _) =>
        {
            if (call == "commit")
            {
                reached.SetResult();
                await Task.Delay(Timeout.Infinite, CancellationToken.None);
            }
        };

        Task<UploadResult> commit = writer.CommitAsync(cancel.Token);
        await reached.Task;
        long began = TimeProvider.System.GetTimestamp();
        await cancel.CancelAsync();

        Assert.That(() => commit, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(TimeProvider.System.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(cluster.FileServer.Aborted, Has.Count.EqualTo(1));
    }
}
