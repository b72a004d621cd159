using System.Text.Json;
using BigFs.Hosting;
using Microsoft.Data.Sqlite;
using NUnit.Framework;

namespace BigFs.Cli.Tests.Commands;

/// <summary><c>bigfs admin</c> against control roles on sockets in this process.</summary>
[TestFixture]
internal sealed class AdminCommandTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public async Task A_backup_is_taken_restored_and_its_collection_resumed()
    {
        await using (BigFsRoleHost host = await StartAsync())
        {
            CliRun taken = await RunAsync(host, "backup", "--to", Backup, "--json");
            Assert.That(taken.ExitCode, Is.Zero, taken.Error);
            JsonElement backup = taken.OutputJson.Single();
            Assert.That(backup.GetProperty("file").GetString(), Is.EqualTo(Backup));
            Assert.That(backup.GetProperty("generation").GetInt64(), Is.EqualTo(1));
            Assert.That(backup.GetProperty("bytes").GetInt64(), Is.InRange(4096, new FileInfo(Backup).Length));

            CliRun again = await RunAsync(host, "backup", "--to", Backup);
            Assert.That((again.ExitCode, again.Output), Is.EqualTo((6, "")), "nothing is replaced");
            CliRun state = await RunAsync(host, "collection");
            Assert.That(state.Output, Does.Contain("generation 1").And.Contain("carried out"));
        }

        Assert.That((await RestoreAsync()).ExitCode, Is.EqualTo(6), "the folder holds data");
        File.Delete(Path.Combine(_folder.Path, "metadata-server", "metadata.db"));
        CliRun restored = await RestoreAsync("--json");
        Assert.That(restored.ExitCode, Is.Zero, restored.Error);
        Assert.That(restored.OutputJson.Single().GetProperty("generation").GetInt64(), Is.EqualTo(2));

        await using BigFsRoleHost after = await StartAsync();
        CliRun paused = await RunAsync(after, "collection", "--json");
        Assert.That(paused.OutputJson.Single().GetProperty("paused").GetBoolean(), Is.True);
        CliRun resumed = await RunAsync(after, "resume-collection", "--json");
        Assert.That(resumed.OutputJson.Single().GetProperty("paused").GetBoolean(), Is.False);
        CliRun raised = await RunAsync(after, "raise-generation");
        Assert.That(raised.Output, Does.Contain("generation 3").And.Contain("resume-collection"));
    }

    [Test]
    public async Task A_restore_of_something_else_fails_with_the_code_of_damaged_data_and_touches_nothing()
    {
        await File.WriteAllTextAsync(Backup, "no backup");

        CliRun run = await RestoreAsync();

        Assert.That(run.ExitCode, Is.EqualTo(9), run.Error);
        Assert.That(File.Exists(Path.Combine(_folder.Path, "metadata-server", "metadata.db")), Is.False);
    }

    [Test]
    public async Task Fsck_ends_with_the_code_of_damaged_data_when_it_found_damage()
    {
        await using (BigFsRoleHost host = await StartAsync())
        {
            CliRun clean = await RunAsync(host, "fsck", "--json");
            Assert.That(clean.ExitCode, Is.Zero, clean.Error);
            JsonElement sum = clean.OutputJson.Single();
            Assert.That(
                (sum.GetProperty("damaged").GetBoolean(), sum.GetProperty("directories").GetInt64()), Is.EqualTo((false, 1L)));
            Assert.That((await RunAsync(host, "fsck", "--limit", "-1")).ExitCode, Is.EqualTo(2));
        }

        using (var connection = new SqliteConnection(
            $"Data Source={Path.Combine(_folder.Path, "metadata-server", "metadata.db")};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO entries (parent, name, id, created, modified) VALUES (4711, CAST('x' AS BLOB), 4712, 0, 0)";
            insert.ExecuteNonQuery();
        }

        await using BigFsRoleHost again = await StartAsync();
        CliRun damaged = await RunAsync(again, "fsck", "--json");
        Assert.That(damaged.ExitCode, Is.EqualTo(9), damaged.Error);
        Assert.That(damaged.OutputJson[0].GetProperty("finding").GetString(), Is.EqualTo("DanglingEntry"));
        Assert.That(damaged.OutputJson[^1].GetProperty("findings").GetProperty("DanglingEntry").GetInt64(), Is.EqualTo(1));
        CliRun text = await RunAsync(again, "fsck");
        Assert.That(text.Output, Does.Contain("damage DanglingEntry").And.Contain("DAMAGED"));
    }

    [Test]
    public async Task A_restore_without_a_folder_is_a_usage_error()
    {
        CliRun run = await CliRun.Async(CliRun.Client(), "admin", "restore", "--from", Backup);

        Assert.That(run.ExitCode, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain("--metadata"));
    }

    [Test]
    public async Task A_cluster_that_is_not_there_is_a_network_error_and_leaves_no_file()
    {
        CliRun run = await CliRun.Async(
            CliRun.Client(), "admin", "backup", "--to", Backup, "--endpoint", "bigfs://127.0.0.1:1");

        Assert.That(run.ExitCode, Is.EqualTo(3), run.Error);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.Empty);
    }

    private string Backup => Path.Combine(_folder.Path, "backup.tar");

    private Task<BigFsRoleHost> StartAsync() => BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
    {
        Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager],
        DataDirectory = _folder.Path,
    });

    private static Task<CliRun> RunAsync(BigFsRoleHost host, params string[] arguments) => CliRun.Async(
        CliRun.Client(), ["admin", .. arguments, "--endpoint", $"bigfs://{host.Roles[0].Endpoint}"]);

    private Task<CliRun> RestoreAsync(params string[] more) => CliRun.Async(
        CliRun.Client(),
        ["admin", "restore", "--from", Backup, "--metadata", Path.Combine(_folder.Path, "metadata-server"), .. more]);
}
