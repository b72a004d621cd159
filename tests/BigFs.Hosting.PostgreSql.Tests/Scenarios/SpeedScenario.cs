using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.PostgreSql.Tests.Server;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Scenarios;

/// <summary>
/// Durable creates, look-ups and listings a second, server and caller on the same cores, beside the same rows written by hand
/// on one connection with the same batches. Figures, no promises: they are printed.
/// </summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class SpeedScenario
{
    private const int Callers = 128;

    private static readonly CancellationToken None = CancellationToken.None;

    private static TimeSpan Span =>
        TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("BIGFS_SCENARIOS") == "full" ? 10 : 1);

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
    public async Task Creates_look_ups_and_listings()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync("shared_buffers = 256MB");
        await using PostgresMetadataStore store = await PostgresMetadataStore.OpenAsync(
            new PostgresOptions { ConnectionString = server.ConnectionString() }, TimeProvider.System, NullLogger.Instance, None);
        await RateAsync(Callers, TimeSpan.FromSeconds(0.5), (caller, i) => CreateAsync(store, $"/warm/{caller}-{i}"));

        double reference = await ReferenceAsync(server);
        double creates = await RateAsync(Callers, Span, (caller, i) => CreateAsync(store, $"/d/{caller:000}-{i:000000}"));
        double few = await RateAsync(16, Span, (caller, i) => CreateAsync(store, $"/few/{caller:000}-{i:000000}"));
        double finds = await RateAsync(
            Callers, Span, async (caller, i) => _ = await store.FindAsync($"/d/{caller:000}-{i % 20:000000}", false, None));
        double listed = await ListAsync(store, "/d");

        TestContext.Out.WriteLine(FormattableString.Invariant(
            $"FIGURE PostgreSQL 15, fsync and synchronous_commit on: {creates:0} creates/s at {Callers} callers, {few:0} at 16; by hand, {Callers} a transaction: {reference:0}/s; ratio {creates / reference:0.00}"));
        TestContext.Out.WriteLine(FormattableString.Invariant(
            $"FIGURE PostgreSQL 15: {finds:0} look-ups/s at {Callers} callers, {listed:0} entries/s listed in pages of 1000"));
        Assert.That(new[] { creates, few, finds, listed }, Has.All.GreaterThan(0));
    }

    private static async Task CreateAsync(PostgresMetadataStore store, BigFsPath path) => await store.CommitFileAsync(
        new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = path, Size = 0, Crc32C = 0 }, None);

    private static async Task<double> RateAsync(int callers, TimeSpan span, Func<int, int, Task> call)
    {
        long began = Stopwatch.GetTimestamp();
        int[] done = await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            int i = 0;
            for (; Stopwatch.GetElapsedTime(began) < span; i++)
            {
                await call(caller, i);
            }

            return i;
        })));
        return done.Sum() / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<double> ListAsync(PostgresMetadataStore store, BigFsPath directory)
    {
        long began = Stopwatch.GetTimestamp();
        int entries = 0;
        do
        {
            string? after = "";
            while (after is not null)
            {
                MetadataPage page = await store.ListAsync(
                    new MetadataListRequest { Directory = directory, After = after, Limit = 1000 }, None);
                entries += page.Entries.Length;
                after = page.Next;
            }
        }
        while (Stopwatch.GetElapsedTime(began) < Span);
        return entries / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>The rows of a create, an entry and its operation's record, written by hand.</summary>
    private static async Task<double> ReferenceAsync(PostgresServer server)
    {
        await server.ExecuteAsync(
            "CREATE TABLE by_hand (parent bigint, name bytea, version bigint NOT NULL, created bigint NOT NULL, modified bigint NOT NULL, "
                + "size bigint, crc bigint, replicas int, manifest bytea, PRIMARY KEY (parent, name))");
        await server.ExecuteAsync(
            "CREATE TABLE by_hand_operations (id uuid PRIMARY KEY, kind int NOT NULL, keep_until bigint NOT NULL, answer bytea NOT NULL)");
        await server.ExecuteAsync("CREATE INDEX ON by_hand_operations (keep_until)");
        await using var connection = new NpgsqlConnection(server.ConnectionString() + ";Max Auto Prepare=10;Auto Prepare Min Usages=1");
        await connection.OpenAsync();
        long began = Stopwatch.GetTimestamp();
        int rows = 0;
        while (Stopwatch.GetElapsedTime(began) < Span)
        {
            int[] numbers = [.. Enumerable.Range(rows, Callers)];
            long[] longs = [.. numbers.Select(number => (long)number)];
            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                "INSERT INTO by_hand SELECT 1, n, v, v, v, 0, 0, 2, '\\x0100'::bytea FROM unnest($1::bytea[], $2::bigint[]) AS r (n, v)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, Array.ConvertAll(numbers, number => Encoding.UTF8.GetBytes($"{number % Callers:000}-{number / Callers:000000}")))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, longs));
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                "INSERT INTO by_hand_operations SELECT i, 4, v, a FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS r (i, v, a)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, Array.ConvertAll(numbers, _ => Guid.CreateVersion7()))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, longs)
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, Array.ConvertAll(numbers, _ => RandomNumberGenerator.GetBytes(28))));
            await batch.ExecuteNonQueryAsync();
            rows += Callers;
        }

        return rows / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
