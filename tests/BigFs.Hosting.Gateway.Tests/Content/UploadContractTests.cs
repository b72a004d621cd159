using System.IO.Compression;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

[TestFixture("direct")]
[TestFixture("gateway")]
[CancelAfter(60_000)]
internal sealed class UploadContractTests(string way) : ContractSuite(way)
{
    [Test]
    public async Task Content_of_every_awkward_length_comes_back_with_a_truthful_receipt(
        [Values(0, 1, Chunk - 1, Chunk, Chunk + 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 17)] int length,
        [Values] bool seekable)
    {
        byte[] content = Bytes(length);
        using Stream source = seekable ? new MemoryStream(content) : new PipeSource(content, 100_000);

        UploadResult result = await Client.UploadAsync(Here / "file", source, Small());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await GetAsync(Here / "file"), Is.EqualTo(content));
            Assert.That(result.File.Path, Is.EqualTo(Here / "file"));
            Assert.That(result.File.Size, Is.EqualTo(length));
            Assert.That(result.File.Crc32C, Is.EqualTo(Checksum(content)));
            Assert.That(result.Receipt.Crc32C, Is.EqualTo(Checksum(content)));
            Assert.That(result.Receipt.Chunks, Is.EqualTo((length + Chunk - 1) / Chunk));
            Assert.That(result.Receipt.Replicas, Is.EqualTo(2));
            Assert.That(result.Receipt.Durability, Is.EqualTo(BigFsDurability.Memory));
            Assert.That(result.Receipt.NameDurability, Is.Not.Empty);
            Assert.That(result.Receipt.Volumes.Sum(volume => volume.Bytes), Is.EqualTo(length));
            Assert.That(result.Receipt.Volumes.Select(volume => volume.Nodes.Distinct().Count()), Is.All.EqualTo(2));
            Assert.That(await Client.FindAsync(Here / "file"), Is.EqualTo(result.File).Using<BigFsEntry>((a, b) => a.ToString() == b.ToString()));
        }
    }

    [Test]
    public async Task A_source_is_read_from_where_it_stands_and_not_disposed()
    {
        byte[] content = Bytes(200_000);
        using var source = new MemoryStream(content) { Position = 12_345 };

        await Client.UploadAsync(Here / "file", source, Small());

        Assert.That(await GetAsync(Here / "file"), Is.EqualTo(content[12_345..]));
        Assert.That(source.CanRead);
    }

    [Test]
    public async Task What_was_asked_for_is_kept_with_the_file()
    {
        var options = new UploadOptions
        {
            Replicas = 3,
            ContentType = "text/plain; charset=utf-8",
            Metadata = new Dictionary<string, string> { ["colour"] = "grün", ["empty"] = "" },
        };

        UploadResult result = await PutAsync(Here / "file", Bytes(100), options);
        var found = (BigFsFile?)await Client.FindAsync(Here / "file");

        Assert.That(result.Receipt.Replicas, Is.EqualTo(3));
        Assert.That(found!.Replicas, Is.EqualTo(3));
        Assert.That(found.ContentType, Is.EqualTo("text/plain; charset=utf-8"));
        Assert.That(found.Metadata, Is.EquivalentTo(options.Metadata));
    }

    [Test]
    public async Task Content_may_go_into_the_metadata([Values(0, 1, 64 << 10)] int length)
    {
        byte[] content = Bytes(length);

        UploadResult result = await PutAsync(Here / "file", content, new UploadOptions { Inline = true });

        Assert.That(result.Receipt.Inline, Is.EqualTo(length > 0));
        Assert.That(result.Receipt.Chunks, Is.Zero);
        Assert.That(await GetAsync(Here / "file"), Is.EqualTo(content));
    }

    [Test]
    public async Task Preconditions_hold_or_refuse([Values(100, 200_000)] int length)
    {
        BigFsPath path = Here / "file";
        UploadOptions absent = Small();
        absent.Precondition = UploadPrecondition.Absent;
        BigFsVersion first = (await PutAsync(path, Bytes(length), absent)).File.Version;
        UploadOptions isFirst = Small();
        isFirst.Precondition = UploadPrecondition.Is(first);

        await FailsAsync(BigFsErrorCode.AlreadyExists, () => PutAsync(path, Bytes(1), absent));
        await PutAsync(path, Bytes(length, seed: 8), isFirst);
        await FailsAsync(BigFsErrorCode.PreconditionFailed, () => PutAsync(path, Bytes(1), isFirst));
        await FailsAsync(BigFsErrorCode.NotFound, () => PutAsync(Here / "other", Bytes(1), isFirst));

        Assert.That(await GetAsync(path), Is.EqualTo(Bytes(length, seed: 8)));
    }

    [Test]
    public async Task What_cannot_be_is_refused_before_the_source_is_read()
    {
        await PutAsync(Here / "file", Bytes(1));
        await Client.CreateDirectoryAsync(Here / "folder");
        using var source = new PipeSource(Bytes(1 << 20), 1000);

        await FailsAsync(BigFsErrorCode.NotEnoughNodes, () => Client.UploadAsync(Here / "a", source, new UploadOptions { Replicas = 4 }));
        await FailsAsync(BigFsErrorCode.InvalidArgument, () => Client.UploadAsync(Here / "a", source, new UploadOptions { ChunkSize = 1 }));

        Assert.That(source.HandedOut, Is.Zero);
        await FailsAsync(BigFsErrorCode.IsDirectory, () => PutAsync(Here / "folder", Bytes(200_000)));
        await FailsAsync(BigFsErrorCode.NotDirectory, () => PutAsync(Here / "file" / "below", Bytes(200_000)));
    }

    [Test]
    public async Task A_failure_of_the_source_passes_through_and_leaves_what_was_there()
    {
        await PutAsync(Here / "file", Bytes(10));
        using var source = new PipeSource(Bytes(3 << 20), 50_000)
        {
            OnRead = (handedOut, _) => handedOut > 1 << 20 ? throw new InvalidDataException("mine") : Task.CompletedTask,
        };

        InvalidDataException error = (await Assert.ThrowsAsync<InvalidDataException>(() => Client.UploadAsync(Here / "file", source, Small())))!;

        Assert.That(error.Message, Is.EqualTo("mine"));
        Assert.That(await GetAsync(Here / "file"), Is.EqualTo(Bytes(10)));
    }

    [Test]
    public async Task Cancelling_takes_effect_within_a_second_and_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        using var source = new PipeSource(Bytes(3 << 20), 50_000)
        {
            OnRead = async (handedOut, _) =>
            {
                if (handedOut > 1 << 20)
                {
                    await cancel.CancelAsync();
                    await Task.Delay(Timeout.Infinite, CancellationToken.None);
                }
            },
        };

        OperationCanceledException cancelled = (await Assert.CatchAsync<OperationCanceledException>(
            () => Client.UploadAsync(Here / "file", source, Small(), cancel.Token).WaitAsync(TimeSpan.FromSeconds(10))))!;

        Assert.That(cancelled.CancellationToken, Is.EqualTo(cancel.Token));
        Assert.That(await Client.FindAsync(Here / "file"), Is.Null);
    }

    [Test]
    public async Task Progress_never_goes_down_and_ends_with_the_length([Values(0, 100, (3 << 20) + 5)] int length)
    {
        var progress = new TestProgress();

        await PutAsync(Here / "file", Bytes(length), Small(progress));

        Assert.That(progress.Values, Is.Ordered);
        Assert.That(progress.Values.LastOrDefault(), Is.EqualTo(length));
    }

    [Test]
    public async Task A_writer_makes_its_file_at_its_commit_or_never()
    {
        byte[] content = Bytes(700_000);
        await using (BigFsWriter given = await Client.OpenWriteAsync(Here / "given-up", Small()))
        {
            await given.Content.WriteAsync(content);
        }

        await using BigFsWriter writer = await Client.OpenWriteAsync(Here / "file", Small());
        await writer.Content.WriteAsync(content.AsMemory(0, 300_000));
        writer.Content.Write(content.AsSpan(300_000));
        Assert.That(await Client.FindAsync(Here / "file"), Is.Null);
        UploadResult result = await writer.CommitAsync();

        Assert.That(result.File.Crc32C, Is.EqualTo(Checksum(content)));
        Assert.That(await GetAsync(Here / "file"), Is.EqualTo(content));
        Assert.That(await Client.FindAsync(Here / "given-up"), Is.Null);
        await Assert.ThatAsync(() => writer.CommitAsync(), Throws.InvalidOperationException);
    }

    [Test]
    public async Task A_writer_is_refused_when_it_is_opened()
    {
        await PutAsync(Here / "file", Bytes(1));
        UploadOptions absent = Small();
        absent.Precondition = UploadPrecondition.Absent;

        await FailsAsync(BigFsErrorCode.AlreadyExists, () => Client.OpenWriteAsync(Here / "file", absent));
        await FailsAsync(BigFsErrorCode.NotEnoughNodes, () => Client.OpenWriteAsync(Here / "a", new UploadOptions { Replicas = 4 }));
    }

    [Test]
    public async Task An_archive_may_be_written_and_read()
    {
        byte[] content = Bytes(400_000);
        await using (BigFsWriter writer = await Client.OpenWriteAsync(Here / "a.zip", Small()))
        {
            await using (var archive = new ZipArchive(writer.Content, ZipArchiveMode.Create))
            {
                await using Stream entry = await archive.CreateEntry("inside").OpenAsync();
                await entry.WriteAsync(content);
            }

            await writer.CommitAsync();
        }

        await using BigFsReadStream back = await Client.OpenReadAsync(Here / "a.zip");
        await using var read = new ZipArchive(back, ZipArchiveMode.Read);
        await using Stream inside = await read.GetEntry("inside")!.OpenAsync();
        using var whole = new MemoryStream();
        await inside.CopyToAsync(whole);

        Assert.That(whole.ToArray(), Is.EqualTo(content));
    }

    [Test]
    public async Task Many_files_at_once_all_arrive()
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => PutAsync(Here / $"{i}", Bytes(i * 5000, seed: i))));

        byte[][] back = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => GetAsync(Here / $"{i}")));
        Assert.That(back.Select((content, i) => content.AsSpan().SequenceEqual(Bytes(i * 5000, seed: i))), Is.All.True);
    }
}
