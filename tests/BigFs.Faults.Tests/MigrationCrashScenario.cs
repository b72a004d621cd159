using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Persistence.Sqlite;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Data.Sqlite;

namespace BigFs.Faults.Tests;

/// <summary>A metadata server that dies while it makes its database or brings an older one to the newest schema.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class MigrationCrashScenario
{
    /// <summary>The part of the names of these crash points.</summary>
    public const string Part = "migration";

    private const int Entries = 200;

    [Test]
    public async Task A_database_whose_making_was_killed_at_any_named_point_is_made_by_the_next_start()
    {
        FaultBuild.Require();
        int kills = await KillEverywhereAsync(_ => { }, async store =>
        {
            Assert.That(await store.NamesAsync(BigFsPath.Root), Is.Empty);
            await store.PutAsync("/new", Uploads.Chunks(1, 2));
        });
        ScenarioLevel.Figure($"{kills} kills while a database was made: 0 unusable");
    }

    [Test]
    public async Task A_database_of_the_first_schema_whose_migration_was_killed_at_any_named_point_has_all_its_entries()
    {
        FaultBuild.Require();
        int kills = await KillEverywhereAsync(MakeFirst, async store =>
        {
            string[] names = [.. Enumerable.Range(0, Entries).Select(Name)];
            Assert.That(await store.NamesAsync(BigFsPath.Root), Is.EqualTo(names));
            for (int i = 0; i < Entries; i++)
            {
                MetadataEntry? found = await store.FindAsync(BigFsPath.Root / Name(i));
                Assert.That(found?.Manifest, Is.EqualTo(Uploads.Chunks((ulong)i + 1, 1)), Name(i));
            }

            await store.PutAsync("/new", Uploads.Chunks(1000, 2));
        });
        ScenarioLevel.Figure($"{kills} kills while a database was migrated: {Entries} entries each, 0 lost");
    }

    private static string Name(int i) => $"f{i:d4}";

    private static async Task<int> KillEverywhereAsync(Action<string> prepare, Func<IMetadataStore, Task> check)
    {
        string[] points = await CrashPointScenario.PointsAsync(Part);
        int kills = 0;
        foreach (string point in points)
        {
            for (int round = 0; round < ScenarioLevel.Of(1, 20); round++)
            {
                using var folder = new TemporaryFolder();
                prepare(folder.Path);
                await using (MetadataProcess dying = await MetadataProcess.StartAsync(
                    folder.Path, point, null, TimeSpan.Zero, TimeSpan.FromMinutes(5)))
                {
                    Assert.That(dying.IsKilled, point);
                }

                await using MetadataProcess server = await MetadataProcess.StartAsync(
                    folder.Path, null, null, TimeSpan.Zero, TimeSpan.FromMinutes(5));
                Assert.That(server.IsServing, point);
                await check(server.NewClient());
                MetadataRows rows = await MetadataRows.ReadWhenPurgedAsync(folder.Path);
                Assert.That(rows.Findings, Is.Empty, point);
                kills++;
            }
        }

        return kills;
    }

    /// <summary>A database as the first schema's owner left it.</summary>
    private static void MakeFirst(string folder)
    {
        SqliteDatabaseOptions newest = SqliteMetadataSchema.Database(folder);
        using SqliteDatabase database = SqliteDatabase.Open(newest with { Migrations = newest.Migrations[..1] });
        using SqliteTransaction transaction = database.Connection.BeginTransaction();
        Run(
            database,
            "INSERT INTO entries (parent, name, id, created, modified) VALUES (0, x'', 1, 5, 5)");
        for (int i = 0; i < Entries; i++)
        {
            string manifest = Convert.ToHexString(ManifestCodec.Encode(Uploads.Chunks((ulong)i + 1, 1).AsSpan()));
            Run(
                database,
                "INSERT INTO entries (parent, name, created, modified, version, size, crc, replicas, manifest) VALUES "
                    + $"(1, CAST('{Name(i)}' AS BLOB), 7, 7, {i + 1}, 100, 9, 2, x'{manifest}')");
        }

        transaction.Commit();
    }

    private static void Run(SqliteDatabase database, string sql)
    {
        using SqliteCommand command = database.Connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
