using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Commands;

internal sealed class DownloadCommandTests
{
    private TemporaryFolder _folder = null!;
    private Mock<IBigFsClient> _client = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _client = CliRun.Client();
        _client.Finds("/a", CliRun.File("/a"));
        _client.GivesDownload("/a", "hello"u8.ToArray());
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [TestCase("new", "new")]
    [TestCase("", "a")]
    [TestCase("not/yet/", "not/yet/a")]
    [TestCase("not/yet", "not/yet")]
    public async Task A_file_comes_to_its_path_or_into_a_folder(string destination, string target)
    {
        CliRun run = await CliRun.Async(_client, "cp", "bigfs:/a", _folder.At(destination));

        Assert.That((run.ExitCode, run.Error.Contains("verified")), Is.EqualTo((ExitCode.Ok, true)), run.Error);
        Assert.That(File.ReadAllText(_folder.At(target)), Is.EqualTo("hello"));
    }

    [Test]
    public async Task What_was_there_stays_when_the_download_fails_and_nothing_is_left_beside_it()
    {
        string old = _folder.Write("a", "old");
        _client.Setup(c => c.DownloadAsync("/a", It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath _, Stream destination, DownloadOptions? _, CancellationToken token) =>
            {
                await destination.WriteAsync("half"u8.ToArray(), token);
                throw new BigFsException(BigFsErrorCode.Damaged, "No replica is whole.");
            });

        CliRun run = await CliRun.Async(_client, "cp", "bigfs:/a", old);

        Assert.That((run.ExitCode, File.ReadAllText(old)), Is.EqualTo((ExitCode.Integrity, "old")));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { old }));
    }

    [Test]
    public async Task A_device_is_written_to_and_not_replaced()
    {
        CliRun run = await CliRun.Async(_client, "cp", "bigfs:/a", "/dev/null");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That(File.ReadAllText("/dev/null"), Is.Empty);
    }

    [Test]
    public async Task A_link_stays_and_its_target_is_replaced()
    {
        string target = _folder.Write("target", "old");
        File.CreateSymbolicLink(_folder.At("link"), target);

        await CliRun.Async(_client, "cp", "bigfs:/a", _folder.At("link"));

        Assert.That(
            (File.ReadAllText(target), new FileInfo(_folder.At("link")).LinkTarget), Is.EqualTo(("hello", target)));
    }

    [Test]
    public async Task Standard_output_gets_the_bytes_alone_also_with_JSON()
    {
        CliRun run = await CliRun.Async(_client, "cp", "--json", "bigfs:/a", "-");

        Assert.That((run.Output, run.ErrorJson.GetProperty("size").GetInt64()), Is.EqualTo(("hello", 5L)));
    }

    [Test]
    public async Task A_directory_comes_with_all_it_holds()
    {
        _client.Finds("/d", CliRun.Folder("/d"));
        _client.Lists("/d", CliRun.Folder("/d/empty"), CliRun.Folder("/d/sub"), CliRun.File("/d/x"));
        _client.Lists("/d/empty");
        _client.Lists("/d/sub", CliRun.File("/d/sub/y"));
        _client.GivesDownload("/d/x", "x"u8.ToArray());
        _client.GivesDownload("/d/sub/y", "y"u8.ToArray());

        CliRun run = await CliRun.Async(_client, "cp", "-r", "bigfs:/d", _folder.Path);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That(
            Directory.GetFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories).Order(),
            Is.EqualTo(new[] { "d", "d/empty", "d/sub", "d/sub/y", "d/x" }.Select(_folder.At).Order()));
    }

    [Test]
    public async Task A_directory_does_not_leave_its_folder_through_a_local_link()
    {
        Directory.CreateDirectory(_folder.At("outside"));
        Directory.CreateDirectory(_folder.At("d"));
        Directory.CreateSymbolicLink(_folder.At("d/sub"), _folder.At("outside"));
        _client.Finds("/d", CliRun.Folder("/d"));
        _client.Lists("/d", CliRun.Folder("/d/sub"), CliRun.File("/d/x"));
        _client.Lists("/d/sub", CliRun.File("/d/sub/y"));
        _client.GivesDownload("/d/x", "x"u8.ToArray());

        CliRun run = await CliRun.Async(_client, "cp", "-r", "bigfs:/d", _folder.Path);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.PartFailed), run.Error);
        Assert.That(run.Error, Does.Contain("is a symbolic link: nothing is written through it"));
        Assert.That(Directory.GetFileSystemEntries(_folder.At("outside")), Is.Empty);
        Assert.That(File.ReadAllText(_folder.At("d/x")), Is.EqualTo("x"));
    }

    [TestCase("cp bigfs:/d {0}", "IsDirectory", ExitCode.Conflict)]
    [TestCase("cp -r bigfs:/d -", "IsDirectory", ExitCode.Conflict)]
    [TestCase("cp bigfs:/missing {0}", "NotFound", ExitCode.NotFound)]
    [TestCase("cp bigfs:/a bigfs:/d {0}/b", "Usage", ExitCode.Usage)]
    public async Task What_cannot_be_copied_is_told(string line, string error, int exitCode)
    {
        _client.Finds("/d", CliRun.Folder("/d"));
        _client.Finds("/missing", null);

        CliRun run = await CliRun.Async(_client, ["--json", .. string.Format(null, line, _folder.Path).Split(' ')]);

        Assert.That((run.ErrorJson.GetProperty("error").GetString(), run.ExitCode), Is.EqualTo((error, exitCode)));
    }

    [Test]
    public async Task A_folder_in_the_way_of_a_file_is_told()
    {
        Directory.CreateDirectory(_folder.At("a"));

        CliRun run = await CliRun.Async(_client, "cp", "--json", "bigfs:/a", _folder.Path);

        Assert.That((run.ErrorJson.GetProperty("error").GetString(), run.ExitCode), Is.EqualTo(("LocalInputOutput", ExitCode.Other)));
    }
}
