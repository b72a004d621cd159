using BigFs.Internal.Local;

namespace BigFs.Sdk.Tests.Extensions;

[CancelAfter(20_000)]
internal sealed class FolderTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("bigfs-sdk-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_folder_goes_up_with_a_result_for_each_file_and_nothing_skipped_in_silence()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        Directory.CreateDirectory(Path.Combine(_folder, "sub", "empty"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "a.txt"), "a");
        await File.WriteAllTextAsync(Path.Combine(_folder, ".hidden"), "");
        await File.WriteAllTextAsync(Path.Combine(_folder, "sub", "b.txt"), "bb");
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), "/etc/hostname");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "loop"), _folder);
        var told = new List<FileTransferResult>();

        IReadOnlyList<FileTransferResult> results = await client.UploadDirectoryAsync(
            "/x", _folder, new UploadDirectoryOptions { Progress = new Told(told) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(told, Is.EqualTo(results));
            Assert.That(
                results.Where(result => result.Succeeded).Select(result => result.Path.ToString()),
                Is.EquivalentTo(new[] { "/x/a.txt", "/x/.hidden", "/x/sub/b.txt", "/x/sub/empty" }));
            Assert.That(
                results.Where(result => result.Skipped is not null).Select(result => result.Path.ToString()),
                Is.EquivalentTo(new[] { "/x/link", "/x/loop" }));
            Assert.That(cluster.Files.Keys.Select(path => path.ToString()), Is.EquivalentTo(new[] { "/x/a.txt", "/x/.hidden", "/x/sub/b.txt" }));
            Assert.That(cluster.FileServer.Entries.Single().Path.ToString(), Is.EqualTo("/x/sub/empty"));
        }
    }

    [Test]
    public async Task One_files_failure_does_not_stop_the_others()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        for (int i = 0; i < 10; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(_folder, $"f{i}"), $"{i}");
        }

        int begun = 0;
        cluster.FileServer.Before = (call, _) => call == "begin" && Interlocked.Increment(ref begun) == 3
            ? throw new BigFsException(BigFsErrorCode.PreconditionFailed, "Not that one.")
            : Task.CompletedTask;

        IReadOnlyList<FileTransferResult> results = await client.UploadDirectoryAsync("/x", _folder);

        Assert.That(results, Has.Count.EqualTo(10));
        Assert.That(results.Count(result => result.Succeeded), Is.EqualTo(9));
        Assert.That(results.Single(result => !result.Succeeded).Error, Is.InstanceOf<BigFsException>());
        Assert.That(cluster.Files, Has.Count.EqualTo(9));
    }

    [Test]
    public async Task A_download_that_fails_leaves_nothing_and_keeps_what_was_there()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.05);
        await client.UploadBytesAsync("/a", Make.Bytes(200_000), new UploadOptions { ChunkSize = 64 << 10 });
        string file = Path.Combine(_folder, "a");
        await File.WriteAllTextAsync(file, "old");
        cluster.Transport.OnRead = (_, _, _) => Task.FromResult(
            cluster.Transport.Reads.Count > 2 ? ChunkStatus.DiskFailed : ChunkStatus.Ok);

        Assert.That(() => client.DownloadFileAsync("/a", file), Throws.InstanceOf<BigFsException>());
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1));

        cluster.Transport.OnRead = null;
        await client.DownloadFileAsync("/a", file);
        Assert.That(await File.ReadAllBytesAsync(file), Is.EqualTo(Make.Bytes(200_000)));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_directory_comes_down_and_each_failure_is_a_result()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 0.05);
        cluster.FileServer.Entries.AddRange([
            new BigFsFile { Path = "/x/a" },
            new BigFsDirectory { Path = "/x/sub" },
            new BigFsFile { Path = "/x/sub/b" },
            new BigFsFile { Path = "/x/sub/gone" },
            new BigFsDirectory { Path = "/x/sub/empty" },
            new BigFsDirectory { Path = "/x/trap" },
            new BigFsFile { Path = "/x/trap/c" },
        ]);
        foreach (string path in new[] { "/x/a", "/x/sub/b", "/x/trap/c" })
        {
            await client.UploadBytesAsync(path, Make.Bytes(10));
        }

        string target = Path.Combine(_folder, "target"), outside = Path.Combine(_folder, "outside");
        Directory.CreateDirectory(target);
        Directory.CreateDirectory(outside);
        Directory.CreateSymbolicLink(Path.Combine(target, "trap"), outside);

        IReadOnlyList<FileTransferResult> results = await client.DownloadDirectoryAsync("/x", target);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                results.Where(result => result.Succeeded).Select(result => result.Path.ToString()),
                Is.EquivalentTo(new[] { "/x/a", "/x/sub/b" }));
            Assert.That(
                results.Where(result => !result.Succeeded).Select(result => result.Path.ToString()),
                Is.EquivalentTo(new[] { "/x/sub/gone", "/x/trap" }));
            Assert.That(Directory.Exists(Path.Combine(target, "sub", "empty")));
            Assert.That(await File.ReadAllBytesAsync(Path.Combine(target, "sub", "b")), Is.EqualTo(Make.Bytes(10)));
            Assert.That(Directory.GetFileSystemEntries(outside), Is.Empty, "written through a link");
        }
    }

    [Test]
    public async Task An_entry_that_is_not_below_the_listed_directory_is_refused()
    {
        var client = new Moq.Mock<IBigFsClient>();
        client.Setup(mock => mock.ListAsync("/x", Moq.It.IsAny<ListOptions?>(), Moq.It.IsAny<CancellationToken>()))
            .Returns(new BigFsEntry[] { new BigFsFile { Path = "/y/a" }, new BigFsDirectory() }.ToAsyncEnumerable());

        IReadOnlyList<FileTransferResult> results = await client.Object.DownloadDirectoryAsync("/x", _folder);

        Assert.That(results.Select(result => (result.Error as BigFsException)?.Code), Is.All.EqualTo(BigFsErrorCode.InvalidPath));
        Assert.That(results, Has.Count.EqualTo(2));
    }

    [TestCase("..", false)]
    [TestCase(".", false)]
    [TestCase("", false)]
    [TestCase("a/b", false)]
    [TestCase("a\0b", false)]
    [TestCase("a\\b", true)]
    [TestCase("C:evil", true)]
    [TestCase("nul", true)]
    [TestCase("NUL.txt", true)]
    [TestCase("com1 .x", true)]
    [TestCase("dot.", true)]
    [TestCase("space ", true)]
    [TestCase("bell\a", true)]
    public void Names_that_are_not_allowed_locally_are_refused(string name, bool onWindowsOnly)
    {
        Assert.That(LocalNames.Problem(name, windows: true), Is.Not.Null);
        Assert.That(LocalNames.Problem(name, windows: false), onWindowsOnly ? Is.Null : Is.Not.Null);
    }

    [TestCase("a.txt")]
    [TestCase("nullable")]
    [TestCase(".hidden")]
    [TestCase("...a")]
    public void Ordinary_names_are_fine_everywhere(string name) => Assert.That(LocalNames.Problem(name, windows: true), Is.Null);

    private sealed class Told(List<FileTransferResult> results) : IProgress<FileTransferResult>
    {
        public void Report(FileTransferResult value) => results.Add(value);
    }
}
