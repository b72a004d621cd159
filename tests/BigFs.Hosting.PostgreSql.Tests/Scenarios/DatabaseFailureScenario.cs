using BigFs.Core.Metadata;
using BigFs.Hosting.PostgreSql.Tests.Server;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Scenarios;

/// <summary>
/// PostgreSQL stopped, killed, and replaced by its synchronous standby under load of two metadata servers: nothing that was
/// acknowledged is lost, nothing is applied twice, and service is back within 5 seconds of the database.
/// </summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class DatabaseFailureScenario
{
    private const int Callers = 16;

    private static readonly TimeSpan Back = TimeSpan.FromSeconds(5);

    private static bool IsFull => Environment.GetEnvironmentVariable("BIGFS_SCENARIOS") == "full";

    [SetUp]
    public void OnlyWhenAsked()
    {
        SharedServer.RequireInstalled();
        if (Environment.GetEnvironmentVariable("BIGFS_SCENARIOS") is null)
        {
            Assert.Ignore("Scenarios with real servers run when BIGFS_SCENARIOS is set.");
        }
    }

    [Test]
    public async Task Killed_and_stopped_and_started_again()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        PostgresMetadataStore[] stores = await OpenTwoAsync(server.ConnectionString());
        await using (var load = new AcknowledgedLoad(stores, Callers))
        {
            TimeSpan longest = TimeSpan.Zero;
            for (int round = 0; round < (IsFull ? 20 : 2); round++)
            {
                await load.MoreAsync(200);
                await (round % 2 == 0 ? server.KillAsync() : server.StopFastAsync());
                await server.StartAsync();
                TimeSpan back = await load.MoreAsync(1);
                longest = back > longest ? back : longest;
                Assert.That(back, Is.LessThan(Back), "service is back");
            }

            await load.MoreAsync(200);
            await load.VerifyAsync();
            TestContext.Out.WriteLine(
                $"FIGURE PostgreSQL killed and stopped: {load.Acknowledged} calls acknowledged, 0 lost, 0 twice, back after at most {longest.TotalMilliseconds:0} ms");
        }

        await CloseAsync(stores);
    }

    [Test]
    public async Task Replaced_by_its_synchronous_standby()
    {
        PostgresServer primary = await PostgresServer.StartNewAsync();
        var servers = new List<PostgresServer> { primary };
        try
        {
            for (int round = 0; round < (IsFull ? 5 : 1); round++)
            {
                PostgresServer standby = await primary.AddSynchronousStandbyAsync();
                servers.Add(standby);
                PostgresMetadataStore[] stores = await OpenTwoAsync(primary.ConnectionStringWith(standby), copies: 1, schema: $"round{round}");
                await using (var load = new AcknowledgedLoad(stores, Callers))
                {
                    await load.MoreAsync(300);
                    await primary.KillAsync();
                    await standby.PromoteAsync();
                    TimeSpan back = await load.MoreAsync(1);
                    Assert.That(back, Is.LessThan(Back), "service is back");
                    await load.MoreAsync(300);
                    await load.VerifyAsync();
                    TestContext.Out.WriteLine(
                        $"FIGURE PostgreSQL replaced by its standby: {load.Acknowledged} calls acknowledged, 0 lost, 0 twice, back after {back.TotalMilliseconds:0} ms");
                }

                await CloseAsync(stores);
                primary = standby;
            }
        }
        finally
        {
            foreach (PostgresServer server in servers)
            {
                await server.DisposeAsync();
            }
        }
    }

    [Test]
    public async Task With_a_synchronous_standby_two_copies_are_promised_and_without_it_nothing_is_acknowledged()
    {
        await using PostgresServer primary = await PostgresServer.StartNewAsync();
        await using PostgresServer standby = await primary.AddSynchronousStandbyAsync();
        await using PostgresMetadataStore store = await PostgresMetadataStore.OpenAsync(
            Options(primary.ConnectionString(), 2, "copies"), TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        Assert.That((store.NameDurability.Copies, store.NameDurability.Engine), Is.EqualTo((2, "PostgreSQL 15, 2 copies, synced")));
        await store.CreateDirectoryAsync(Guid.NewGuid(), "/with", CancellationToken.None);

        await standby.KillAsync();
        Task make = store.CreateDirectoryAsync(Guid.NewGuid(), "/without", CancellationToken.None).AsTask();
        await primary.UntilAsync("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep')", "the commit waits");
        Assert.That(make.IsCompleted, Is.False);
        await standby.StartAsync();

        await make.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(await store.FindAsync("/without", false, CancellationToken.None), Is.Not.Null);
    }

    private static PostgresOptions Options(string connectionString, int copies, string schema) =>
        new() { ConnectionString = connectionString, MetadataCopies = copies, Schema = schema };

    private static async Task<PostgresMetadataStore[]> OpenTwoAsync(string connectionString, int copies = 1, string schema = "bigfs") =>
    [
        await PostgresMetadataStore.OpenAsync(Options(connectionString, copies, schema), TimeProvider.System, NullLogger.Instance, CancellationToken.None),
        await PostgresMetadataStore.OpenAsync(Options(connectionString, copies, schema), TimeProvider.System, NullLogger.Instance, CancellationToken.None),
    ];

    private static async Task CloseAsync(PostgresMetadataStore[] stores)
    {
        foreach (PostgresMetadataStore store in stores)
        {
            await store.DisposeAsync();
        }
    }
}
