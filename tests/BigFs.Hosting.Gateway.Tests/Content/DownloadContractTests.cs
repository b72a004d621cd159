using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

[TestFixture("direct")]
[TestFixture("gateway")]
[CancelAfter(60_000)]
internal sealed class DownloadContractTests(string way) : ContractSuite(way)
{
    [Test]
    public async Task Any_place_can_be_read_in_any_order()
    {
        byte[] content = Bytes((3 << 20) + 17);
        await PutAsync(Here / "file", content, new UploadOptions { ChunkSize = 1 << 20 });
        await using BigFsReadStream stream = await Client.OpenReadAsync(Here / "file");
        var random = new Random(11);

        Assert.That(stream.Length, Is.EqualTo(content.Length));
        Assert.That(stream.File.Crc32C, Is.EqualTo(Checksum(content)));
        for (int i = 0; i < 60; i++)
        {
            int start = random.Next(content.Length);
            int length = Math.Min(random.Next(1, i % 5 == 0 ? 1_500_000 : 5000), content.Length - start);
            stream.Position = start;
            byte[] part = new byte[length];
            if (i % 3 == 0)
            {
                stream.ReadExactly(part);
            }
            else
            {
                await stream.ReadExactlyAsync(part);
            }

            Assert.That(part.AsSpan().SequenceEqual(content.AsSpan(start, length)), $"{length} bytes from {start} on");
        }

        stream.Position = content.Length;
        Assert.That(stream.ReadByte(), Is.EqualTo(-1));
    }

    [Test]
    public async Task A_version_is_read_to_its_end_whatever_becomes_of_the_path(
        [Values("replaced", "deleted", "moved", "replaced by a directory")] string what, [Values(100_000, 5 << 20)] int length)
    {
        BigFsPath path = Here / "file";
        byte[] content = Bytes(length);
        await PutAsync(path, content, new UploadOptions { ChunkSize = 1 << 20 });
        await using BigFsReadStream stream = await Client.OpenReadAsync(path);
        byte[] back = new byte[length];
        await stream.ReadExactlyAsync(back.AsMemory(0, 1000));
        switch (what)
        {
            case "replaced":
                await PutAsync(path, Bytes(10));
                break;
            case "moved":
                await Client.MoveAsync(path, Here / "elsewhere");
                break;
            default:
                await Client.DeleteAsync(path);
                break;
        }

        if (what == "replaced by a directory")
        {
            await Client.CreateDirectoryAsync(path);
        }

        stream.Position = 0;
        await stream.ReadExactlyAsync(back);

        Assert.That(back.AsSpan().SequenceEqual(content));
    }

    [Test]
    public async Task What_is_not_there_or_no_file_is_said()
    {
        await Client.CreateDirectoryAsync(Here / "folder");

        await FailsAsync(BigFsErrorCode.NotFound, () => GetAsync(Here / "nothing"));
        await FailsAsync(BigFsErrorCode.IsDirectory, () => GetAsync(Here / "folder"));
        await FailsAsync(BigFsErrorCode.NotFound, () => Client.OpenReadAsync(Here / "nothing"));
    }

    [Test]
    public async Task A_failure_of_the_destination_passes_through()
    {
        await PutAsync(Here / "file", Bytes(300_000));
        using var full = new MemoryStream(new byte[1000]);

        await Assert.ThatAsync(() => Client.DownloadAsync(Here / "file", full), Throws.InstanceOf<NotSupportedException>());
    }

    [Test]
    public async Task Progress_never_goes_down_and_ends_with_the_length()
    {
        await PutAsync(Here / "file", Bytes(5 << 20), new UploadOptions());
        var progress = new TestProgress();

        BigFsFile file = await Client.DownloadAsync(Here / "file", Stream.Null, new DownloadOptions { Progress = progress });

        Assert.That(file.Size, Is.EqualTo(5 << 20));
        Assert.That(progress.Values, Is.Ordered);
        Assert.That(progress.Values[^1], Is.EqualTo(5 << 20));
    }

    [Test]
    public async Task Cancelling_ends_a_download_at_once_and_a_read_may_be_repeated()
    {
        byte[] content = Bytes(5 << 20);
        await PutAsync(Here / "file", content, new UploadOptions { ChunkSize = 1 << 20 });
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();
        await using BigFsReadStream stream = await Client.OpenReadAsync(Here / "file");
        byte[] back = new byte[content.Length];

        await Assert.ThatAsync(
            async () => await stream.ReadAsync(back, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        await Assert.ThatAsync(
            () => Client.DownloadAsync(Here / "file", Stream.Null, null, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        await stream.ReadExactlyAsync(back);

        Assert.That(back.AsSpan().SequenceEqual(content));
    }

    [Test]
    public async Task A_stale_answer_is_allowed_where_it_is_asked_for()
    {
        await PutAsync(Here / "file", Bytes(100));
        var options = new DownloadOptions { MaxStaleness = TimeSpan.FromMinutes(1) };
        using var back = new MemoryStream();

        await Client.DownloadAsync(Here / "file", back, options);

        Assert.That(back.ToArray(), Is.EqualTo(Bytes(100)));
        Assert.That((await Client.FindStaleAsync(Here / "file", TimeSpan.FromMinutes(1)))?.Path, Is.EqualTo(Here / "file"));
        await FailsAsync(
            BigFsErrorCode.InvalidArgument,
            () => Client.DownloadAsync(Here / "file", back, new DownloadOptions { MaxStaleness = TimeSpan.FromDays(1) }));
    }
}
