using System.Text;
using System.Text.Json;
using BigFs.Cli.Errors;
using Moq;

namespace BigFs.Cli.Tests.Commands;

internal sealed class UploadCommandTests
{
    private TemporaryFolder _folder = null!;
    private Mock<IBigFsClient> _client = null!;
    private Dictionary<string, string> _uploads = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _client = CliRun.Client();
        _uploads = [];
        _client.Setup(c => c.CreateDirectoryAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Returns(Task.CompletedTask);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [TestCase("bigfs:/new", "/new")]
    [TestCase("bigfs:/dir", "/dir/a.txt")]
    [TestCase("bigfs:/other/", "/other/a.txt")]
    [TestCase("bigfs:/", "/a.txt")]
    public async Task A_file_goes_to_its_path_or_into_a_directory(string destination, string target)
    {
        string file = _folder.Write("a.txt", "hello");
        _client.Finds("/new", null);
        _client.Finds("/dir", CliRun.Folder("/dir"));
        Takes(target);

        CliRun run = await CliRun.Async(_client, "cp", file, destination);

        Assert.That((run.ExitCode, _uploads[target], run.Output), Is.EqualTo((ExitCode.Ok, "hello", "")));
        Assert.That(run.Error, Does.StartWith($"{file} -> bigfs:{target}  5 B in ").And.EndsWith(", 2 replicas, flushed\n"));
    }

    [Test]
    public async Task Json_has_the_receipt()
    {
        string file = _folder.Write("a.txt", "hello");
        _client.Finds("/new", null);
        Takes("/new");

        CliRun run = await CliRun.Async(_client, "cp", "--json", file, "bigfs:/new");

        JsonElement json = run.OutputJson[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.GetProperty("source").GetString(), Is.EqualTo(file));
            Assert.That(json.GetProperty("destination").GetString(), Is.EqualTo("bigfs:/new"));
            Assert.That(json.GetProperty("size").GetInt64(), Is.EqualTo(5));
            Assert.That(json.GetProperty("version").GetString(), Is.EqualTo("0000000000000abc"));
            Assert.That(json.GetProperty("durability").GetString(), Is.EqualTo("flushed"));
            Assert.That(json.GetProperty("nameDurability").GetString(), Is.EqualTo("SQLite"));
            Assert.That(json.GetProperty("volumes")[0].GetProperty("nodes")[1].GetString(), Is.EqualTo("b"));
        }
    }

    [Test]
    public async Task Quiet_says_nothing()
    {
        string file = _folder.Write("a.txt", "hello");
        _client.Finds("/new", null);
        Takes("/new");

        CliRun run = await CliRun.Async(_client, "cp", "-q", file, "bigfs:/new");

        Assert.That((run.ExitCode, run.Output, run.Error), Is.EqualTo((ExitCode.Ok, "", "")));
    }

    [Test]
    public async Task Standard_input_is_a_source()
    {
        _client.Finds("/new", null);
        Takes("/new");

        await CliRun.Async(_client.Object, "from a pipe", null, CancellationToken.None, "cp", "-", "bigfs:/new");

        Assert.That(_uploads["/new"], Is.EqualTo("from a pipe"));
    }

    [Test]
    public async Task Standard_input_has_no_name_to_go_into_a_directory_by()
    {
        CliRun run = await CliRun.Async(_client, "cp", "-", "bigfs:/dir/");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Usage));
    }

    [Test]
    public async Task A_folder_needs_to_be_asked_for()
    {
        CliRun run = await CliRun.Async(_client, "cp", _folder.Path, "bigfs:/dir/");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.Usage, $"bigfs: \"{_folder.Path}\" is a folder: add -r to copy it with all it holds.\n")));
    }

    [TestCase("bigfs:/new", "/new")]
    [TestCase("bigfs:/dir", "/dir/tree")]
    public async Task A_folder_goes_with_all_it_holds(string destination, string target)
    {
        _folder.Write("tree/a", "1");
        _folder.Write("tree/b/c", "2");
        Directory.CreateDirectory(_folder.At("tree/empty"));
        _client.Finds("/new", null);
        _client.Finds("/dir", CliRun.Folder("/dir"));
        Takes(target + "/a");
        Takes(target + "/b/c");

        CliRun run = await CliRun.Async(_client, "cp", "-r", _folder.At("tree"), destination);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Ok), run.Error);
        Assert.That(_uploads, Is.EquivalentTo(new Dictionary<string, string> { [target + "/a"] = "1", [target + "/b/c"] = "2" }));
        _client.Verify(c => c.CreateDirectoryAsync(target + "/empty", It.IsAny<CancellationToken>()), Times.Once);
    }

    [TestCase("cp -r -q")]
    [TestCase("cp -r --json")]
    public async Task Links_are_left_out_of_a_folder_and_told_even_when_quiet(string command)
    {
        _folder.Write("tree/a", "1");
        Directory.CreateSymbolicLink(_folder.At("tree/loop"), _folder.At("tree"));
        File.CreateSymbolicLink(_folder.At("tree/link"), _folder.At("tree/a"));
        Takes("/x/tree/a");

        CliRun run = await CliRun.Async(_client, [.. command.Split(' '), _folder.At("tree"), "bigfs:/x/"]);

        Assert.That((run.ExitCode, _uploads.Count), Is.EqualTo((ExitCode.Ok, 1)), run.Error);
        string told = run.Output + run.Error;
        foreach (string left in new[] { "tree/loop", "tree/link" })
        {
            Assert.That(told, Does.Contain(_folder.At(left)).And.Contain("a symbolic link"));
        }
    }

    [Test]
    public async Task A_link_that_is_named_itself_is_followed()
    {
        _folder.Write("tree/a", "1");
        Directory.CreateSymbolicLink(_folder.At("folder"), _folder.At("tree"));
        File.CreateSymbolicLink(_folder.At("file"), _folder.At("tree/a"));
        Takes("/x/folder/a");
        Takes("/x/file");

        CliRun run = await CliRun.Async(_client, "cp", "-r", _folder.At("folder"), _folder.At("file"), "bigfs:/x/");

        Assert.That((run.ExitCode, _uploads.Count), Is.EqualTo((ExitCode.Ok, 2)), run.Error);
    }

    [Test]
    public async Task A_folders_file_that_fails_is_told_and_the_others_go()
    {
        _folder.Write("tree/a", "1");
        _folder.Write("tree/b", "2");
        Takes("/x/tree/a");
        _client.Setup(c => c.UploadAsync("/x/tree/b", It.IsAny<Stream>(), It.IsAny<UploadOptions?>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.AlreadyExists, "Something is there."));

        CliRun run = await CliRun.Async(_client, "cp", "-r", "-q", _folder.At("tree"), "bigfs:/x/");

        Assert.That((run.ExitCode, _uploads.Count), Is.EqualTo((ExitCode.PartFailed, 1)));
        Assert.That(run.Error, Is.EqualTo("bigfs: Something is there.\nbigfs: 1 of 3 failed.\n"));
    }

    [Test]
    public async Task Of_several_files_the_others_go_when_one_fails()
    {
        string one = _folder.Write("1", "one");
        string three = _folder.Write("3", "three");
        Takes("/x/1");
        Takes("/x/3");

        CliRun run = await CliRun.Async(_client, "cp", "-q", one, _folder.At("2"), three, "bigfs:/x/");

        Assert.That((run.ExitCode, _uploads.Count), Is.EqualTo((ExitCode.PartFailed, 2)));
        Assert.That(run.Error, Is.EqualTo($"bigfs: There is no local file \"{_folder.At("2")}\".\nbigfs: 1 of 3 failed.\n"));
    }

    [Test]
    public async Task Several_files_need_a_directory()
    {
        _client.Finds("/x", null);

        CliRun run = await CliRun.Async(_client, "cp", "a", "b", "bigfs:/x");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((ExitCode.Usage, "bigfs: Several sources need a directory: end \"bigfs:/x\" with '/'.\n")));
    }

    [Test]
    public async Task Replicas_and_preconditions_are_passed_on()
    {
        string file = _folder.Write("a.txt", "hello");
        List<UploadOptions> options = [];
        _client.TakesUpload("/x/a.txt", (_, o) => options.Add(o!));

        await CliRun.Async(_client, "cp", "--replicas", "3", "--if-absent", file, "bigfs:/x/");
        await CliRun.Async(_client, "cp", "--if-version", "0000000000000abc", file, "bigfs:/x/");

        Assert.That(
            options.Select(o => (o.Replicas, o.Precondition.RequiresAbsence, o.Precondition.Version)),
            Is.EqualTo(new (int?, bool, BigFsVersion?)[] { (3, true, null), (null, false, new BigFsVersion(0xabc)) }));
    }

    private void Takes(string path) => _client.TakesUpload(path, (bytes, _) =>
    {
        lock (_uploads)
        {
            _uploads[path] = Encoding.UTF8.GetString(bytes);
        }
    });
}
