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
    [Platform("Linux")]
    public async Task A_pipe_is_not_waited_for_and_a_folder_of_which_nothing_goes_up_is_kept()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        Directory.CreateDirectory(Path.Combine(_folder, "only", "links"));
        string pipe = Path.Combine(_folder, "only", "links", "pipe");
        using (var made = System.Diagnostics.Process.Start("mkfifo", [pipe]))
        {
            await made.WaitForExitAsync();
        }

        IReadOnlyList<FileTransferResult> results = await client.UploadDirectoryAsync("/x", _folder);

        Assert.That(results.Single(result => result.Skipped is not null).LocalPath, Is.EqualTo(pipe));
        Assert.That(results.Single(result => result.Succeeded).Path.ToString(), Is.EqualTo("/x/only/links"));
        Assert.That(cluster.FileServer.Entries.Single().Path.ToString(), Is.EqualTo("/x/only/links"));
    }

    [Test]
    public async Task The_bytes_of_a_folder_add_up_and_never_go_down()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        for (int i = 0; i < 8; i++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_folder, $"f{i}"), Make.Bytes(100_000));
        }

        var up = new Bytes();
        var own = new Bytes();
        var upload = new UploadOptions { ChunkSize = 64 << 10, Progress = own };
        await client.UploadDirectoryAsync("/x", _folder, new UploadDirectoryOptions { Upload = upload, BytesProgress = up });
        cluster.FileServer.Entries.AddRange(Enumerable.Range(0, 8).Select(i => new BigFsFile { Path = $"/x/f{i}" }));
        var down = new Bytes();
        string target = Path.Combine(_folder, "down");
        IReadOnlyList<FileTransferResult> results =
            await client.DownloadDirectoryAsync("/x", target, new DownloadDirectoryOptions { BytesProgress = down });

        foreach (Bytes told in new[] { up, down })
        {
            Assert.That(told.Values, Is.Ordered.Ascending.And.Unique);
            Assert.That(told.Values[^1], Is.EqualTo(800_000));
        }

        Assert.That(own.Values.Count(value => value == 100_000), Is.EqualTo(8), "each file's own progress goes on");
        Assert.That(results.Select(result => result.Elapsed), Is.All.GreaterThan(TimeSpan.Zero));
    }

    [Test]
    public async Task A_file_that_another_process_writes_is_read()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        string file = Path.Combine(_folder, "log");
        await using FileStream writer = new(file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        await writer.WriteAsync("begun"u8.ToArray());
        await writer.FlushAsync();

        await client.UploadFileAsync("/log", file);

        Assert.That(await client.ReadBytesAsync("/log"), Is.EqualTo("begun"u8.ToArray()));
    }

    [Test]
    [Platform("Linux")]
    public async Task A_downloaded_file_gets_its_directories_goes_through_its_link_and_into_a_device()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await client.UploadBytesAsync("/a", Make.Bytes(10));
        string deep = Path.Combine(_folder, "not", "yet", "a"), link = Path.Combine(_folder, "link");
        File.CreateSymbolicLink(link, Path.Combine("not", "yet", "b"));

        await client.DownloadFileAsync("/a", deep);
        await client.DownloadFileAsync("/a", link);
        await client.DownloadFileAsync("/a", "/dev/null");
        await using FileStream open = new(Path.Combine(_folder, "open"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        await client.DownloadFileAsync("/a", $"/proc/self/fd/{open.SafeFileHandle.DangerousGetHandle()}");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await File.ReadAllBytesAsync(deep), Is.EqualTo(Make.Bytes(10)));
            Assert.That(await File.ReadAllBytesAsync(Path.Combine(_folder, "not", "yet", "b")), Is.EqualTo(Make.Bytes(10)));
            Assert.That(new FileInfo(link).LinkTarget, Is.Not.Null);
            Assert.That(new FileInfo(open.Name).Length, Is.EqualTo(10), "an open file is written to, not replaced");
            Assert.That(LocalKinds.IsSpecial("/dev/null"));
            Assert.That(LocalKinds.IsSpecial(deep) || LocalKinds.IsSpecial(_folder) || LocalKinds.IsSpecial("/none"), Is.False);
        }
    }

    [Test]
    public async Task A_folders_file_replaces_a_link_and_does_not_go_through_it()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        cluster.FileServer.Entries.Add(new BigFsFile { Path = "/x/a" });
        await client.UploadBytesAsync("/x/a", Make.Bytes(10));
        string outside = Path.Combine(_folder, "outside"), target = Path.Combine(_folder, "target");
        await File.WriteAllTextAsync(outside, "mine");
        Directory.CreateDirectory(target);
        File.CreateSymbolicLink(Path.Combine(target, "a"), outside);

        await client.DownloadDirectoryAsync("/x", target);

        Assert.That(await File.ReadAllTextAsync(outside), Is.EqualTo("mine"));
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(target, "a")), Is.EqualTo(Make.Bytes(10)));
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
        cluster.FileServer.Before = (call, _) => call == "commit-file" && Interlocked.Increment(ref begun) == 3
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

    private sealed class Bytes : IProgress<long>
    {
        private readonly Lock _lock = new();

        public List<long> Values { get; } = [];

        public void Report(long value)
        {
            lock (_lock)
            {
                Values.Add(value);
            }
        }
    }

    private sealed class Told(List<FileTransferResult> results) : IProgress<FileTransferResult>
    {
        public void Report(FileTransferResult value) => results.Add(value);
    }
}
