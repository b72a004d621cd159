using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting;
using BigFs.Hosting.Backup;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Faults.Tests;

/// <summary>Backups and restores that are killed on the way.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class BackupCrashScenario
{
    /// <summary>The parts of the names of these crash points.</summary>
    public static readonly string[] Parts = ["backup", "archive", "restore"];

    private const int Files = 40;

    private static readonly byte[] Content = [.. Enumerable.Range(0, 60_000).Select(i => (byte)(i * 31))];

    [Test]
    public async Task A_backup_that_was_killed_at_any_named_point_is_whole_or_not_there_and_the_next_one_is_made()
    {
        FaultBuild.Require();
        using var folder = new TemporaryFolder();
        string data = Path.Combine(folder.Path, "data"), file = Path.Combine(folder.Path, "backup.tar");
        await FillAsync(data);
        int kills = 0, whole = 0;
        string[] points =
            [.. await CrashPointScenario.PointsAsync("backup"), .. await CrashPointScenario.PointsAsync("archive")];
        foreach (string point in points)
        {
            for (int round = 0; round < ScenarioLevel.Of(1, 20); round++, kills++)
            {
                DriverEnd end = await FaultBuild.RunAsync(point, null, new Oracle(), "backup", data, file);
                Assert.That(end.IsKilled, point);
                if (File.Exists(file))
                {
                    whole++;
                    await ReadAsync(folder.Path, file);
                    File.Delete(file);
                }

                Assert.That(
                    await FaultBuild.RunAsync(null, null, new Oracle(), "backup", data, file),
                    Is.EqualTo(new DriverEnd(0, true)), point);
                await ReadAsync(folder.Path, file);
                Assert.That(
                    Directory.GetFiles(folder.Path, "*.partial").Concat(Directory.GetFiles(data, "*.backup*")), Is.Empty, point);
                File.Delete(file);
            }
        }

        Assert.That(whole, Is.GreaterThan(0), "some points lie behind the rename");
        ScenarioLevel.Figure($"{kills} kills while a backup was made: {whole} whole, 0 half");
    }

    [Test]
    public async Task A_restore_that_was_killed_at_any_named_point_is_not_served_half_and_may_be_run_again()
    {
        FaultBuild.Require();
        using var folder = new TemporaryFolder();
        string data = Path.Combine(folder.Path, "data"), file = Path.Combine(folder.Path, "backup.tar");
        await FillAsync(data);
        Assert.That((await FaultBuild.RunAsync(null, null, new Oracle(), "backup", data, file)).IsDone);
        int kills = 0;
        foreach (string point in await CrashPointScenario.PointsAsync("restore"))
        {
            for (int round = 0; round < ScenarioLevel.Of(1, 20); round++, kills++)
            {
                string target = Path.Combine(folder.Path, $"restored-{kills}");
                DriverEnd end = await FaultBuild.RunAsync(point, null, new Oracle(), "restore", file, target);
                Assert.That(end.IsKilled, point);

                BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => OpenAsync(target)))!;
                Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.DataUnreadable), point);

                Assert.That(
                    await FaultBuild.RunAsync(null, null, new Oracle(), "restore", file, target),
                    Is.EqualTo(new DriverEnd(0, true)), point);
                await using SqliteMetadataStore store = await OpenAsync(target);
                NamespaceIdentity identity = await store.IdentityAsync(CancellationToken.None);
                Assert.That((identity.Generation, identity.IsCollectionPaused), Is.EqualTo((2L, true)), point);
                await ExpectFilesAsync(store);
            }
        }

        ScenarioLevel.Figure($"{kills} kills while a backup was restored: 0 served half, each complete when run again");
    }

    private static Task<SqliteMetadataStore> OpenAsync(string directory) => SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = directory }, TimeProvider.System, NullLogger.Instance, CancellationToken.None);

    /// <summary>Large enough for several steps of a copy.</summary>
    private static async Task FillAsync(string directory)
    {
        await using SqliteMetadataStore store = await OpenAsync(directory);
        for (int i = 0; i < Files; i++)
        {
            await store.CommitFileAsync(
                new CommitFileRequest
                {
                    Operation = Guid.NewGuid(),
                    Path = BigFsPath.Root / $"f{i:d2}",
                    Size = Content.Length,
                    Crc32C = Crc32C.Compute(Content),
                    Content = Content,
                },
                CancellationToken.None);
        }
    }

    private static async Task ExpectFilesAsync(SqliteMetadataStore store)
    {
        for (int i = 0; i < Files; i++)
        {
            MetadataEntry? found = await store.FindAsync(BigFsPath.Root / $"f{i:d2}");
            Assert.That(found?.Content.ToArray(), Is.EqualTo(Content), $"file {i}");
        }
    }

    /// <summary>Reads the whole backup, which checks it.</summary>
    private static async Task ReadAsync(string folder, string file)
    {
        string target = Path.Combine(folder, "extracted.db");
        await BackupReader.ExtractAsync(
            file, new Dictionary<string, string> { [BackupManifest.Metadata] = target }, CancellationToken.None);
        File.Delete(target);
    }
}
