using BigFs.Hosting.Check;
using BigFs.Hosting.PostgreSql.Tests.Server;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>A whole cluster with its names in PostgreSQL.</summary>
[TestFixture]
internal sealed class PostgresClusterTests
{
    [Test]
    public async Task A_cluster_keeps_its_names_in_PostgreSQL_and_its_receipts_say_so()
    {
        PostgresServer server = await SharedServer.GetAsync();
        string schema = SharedServer.NewSchema();
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions
        {
            DataNodes = 2,
            InMemory = true,
            Metadata = new BigFsPostgreSql { ConnectionString = server.ConnectionString(), Schema = schema },
        });
        byte[] content = new byte[200_000];
        new Random(1).NextBytes(content);

        UploadResult large = await cluster.Client.UploadBytesAsync("/a/large", content);
        UploadResult inline = await cluster.Client.UploadBytesAsync("/a/inline", content[..100], new UploadOptions { Inline = true });

        Assert.That(await cluster.Client.ReadBytesAsync("/a/large"), Is.EqualTo(content));
        Assert.That(await cluster.Client.ReadBytesAsync("/a/inline"), Is.EqualTo(content[..100]));
        Assert.That(large.Receipt.NameDurability, Is.EqualTo("PostgreSQL 15, one copy, synced"));
        Assert.That((inline.Receipt.Inline, inline.Receipt.MetadataCopies), Is.EqualTo((true, 1)));
        Assert.That(await server.ExecuteAsync($"SELECT count(*) FROM {schema}.entries WHERE version IS NOT NULL"), Is.EqualTo(2L));
    }

    [Test]
    public async Task A_check_finds_owners_that_do_not_agree_with_manifests()
    {
        PostgresServer server = await SharedServer.GetAsync();
        string schema = SharedServer.NewSchema();
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions
        {
            DataNodes = 2,
            InMemory = true,
            Metadata = new BigFsPostgreSql { ConnectionString = server.ConnectionString(), Schema = schema },
        });
        foreach (string path in (string[])["/whole", "/unowned"])
        {
            await cluster.Client.UploadBytesAsync(path, new byte[100_000]);
        }

        Assert.That((await CheckAsync()).IsDamaged, Is.False);
        await server.ExecuteAsync(
            $"DELETE FROM {schema}.chunk_owners WHERE version = (SELECT version FROM {schema}.entries WHERE name = 'unowned'::bytea)");
        await server.ExecuteAsync($"INSERT INTO {schema}.chunk_owners (key, version) VALUES (17, 4711)");

        BigFsCheckSummary summary = await CheckAsync();

        Assert.That(summary.IsDamaged, Is.True);
        Assert.That(
            (summary.Counts[BigFsFindingKind.UnownedChunk], summary.Counts[BigFsFindingKind.StrayOwner]), Is.EqualTo((1L, 1L)));

        Task<BigFsCheckSummary> CheckAsync() => cluster.Metadata.CheckAsync(
            new CheckOptions { SessionWait = TimeSpan.Zero }, _ => ValueTask.CompletedTask, CancellationToken.None);
    }

    [Test]
    public void Wrong_settings_stop_the_start_of_a_cluster()
    {
        Assert.That(
            async () => await BigFsCluster.StartAsync(new BigFsClusterOptions { InMemory = true, Metadata = new BigFsPostgreSql { ConnectionString = "Host=h" } }),
            Throws.TypeOf<BigFsException>().With.Property(nameof(BigFsException.Code)).EqualTo(BigFsErrorCode.InvalidSettings));
    }

    [Test]
    public void The_first_key_needs_a_folder_also_when_names_are_elsewhere()
    {
        var options = new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer],
            Metadata = new BigFsPostgreSql { ConnectionString = "Host=h;Database=d" },
        };
        Assert.That(options.Validate, Throws.Nothing);

        options.RequireKeys = true;

        Assert.That(options.Validate, Throws.TypeOf<BigFsException>().With.Message.Contains(nameof(options.DataDirectory)));
    }
}
