using System.Collections.Concurrent;
using System.Diagnostics;
using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using BigFs.Hosting.Tests.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.PostgreSql.Tests.Scenarios;

/// <summary>A real server that has no room, or no connection, left: what is refused, how, and that service comes back by itself.</summary>
[TestFixture]
[CancelAfter(120_000)]
[NonParallelizable]
internal sealed class ShortageTests
{
    private static readonly byte[] Content = new byte[4000];

    [Test]
    public async Task On_a_full_disk_changes_are_refused_one_by_one_and_with_room_again_taken_without_a_restart()
    {
        SharedServer.RequireInstalled();
        using var disk = new SmallDisk(mebibytes: 16);
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        string place = Path.Combine(disk.Path, "tables");
        Directory.CreateDirectory(place);
        server.Own(place);
        await server.ExecuteAsync($"CREATE TABLESPACE small LOCATION '{place}'");
        await server.ExecuteAsync("ALTER DATABASE postgres SET default_tablespace = small");
        var acknowledged = new ConcurrentDictionary<BigFsPath, BigFsVersion>();
        var refused = new ConcurrentQueue<CommitFileRequest>();
        await using PostgresMetadataStore store = await OpenAsync(new PostgresOptions { ConnectionString = server.ConnectionString() });
        disk.Fill(most: 8 << 20);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                CommitFileRequest request = Make($"/{caller}/{i}");
                try
                {
                    acknowledged[request.Path] = (await store.CommitFileAsync(request, None)).Version;
                }
                catch (BigFsException exception)
                {
                    Assert.That(exception.Code, Is.EqualTo(BigFsErrorCode.OutOfSpace), exception.Message);
                    Assert.That(exception.Message, Does.Contain("nothing was changed").And.Contain("53100"));
                    refused.Enqueue(request);
                    return;
                }
            }
        })));
        Assert.That(refused, Has.Count.EqualTo(8), "the disk was full for each of them");
        Assert.That(acknowledged, Has.Count.GreaterThan(100), "and had room before");
        await VerifyAsync(store, acknowledged);

        disk.MakeRoom();
        foreach (CommitFileRequest request in refused)
        {
            acknowledged[request.Path] = (await store.CommitFileAsync(request, None)).Version;
        }

        await VerifyAsync(store, acknowledged);
        TestContext.Out.WriteLine($"FIGURE PostgreSQL on a full disk: {acknowledged.Count} calls acknowledged, 8 refused and taken later, 0 lost, 0 twice");
    }

    [Test]
    public async Task On_a_full_disk_of_the_log_the_server_stops_and_what_is_undecided_then_is_done_once_when_it_runs_again()
    {
        SharedServer.RequireInstalled();
        using var disk = new SmallDisk(mebibytes: 24);
        await using PostgresServer server = await PostgresServer.StartNewWithLogAtAsync(Path.Combine(disk.Path, "log"));
        var acknowledged = new ConcurrentDictionary<BigFsPath, BigFsVersion>();
        var refused = new ConcurrentQueue<(CommitFileRequest Request, BigFsException Refusal)>();
        var options = new PostgresOptions { ConnectionString = server.ConnectionString(), RetryFor = TimeSpan.FromSeconds(1) };
        await using PostgresMetadataStore store = await OpenAsync(options);
        CommitFileRequest first = Make("/first");
        acknowledged[first.Path] = (await store.CommitFileAsync(first, None)).Version;
        disk.Fill();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                CommitFileRequest request = Make($"/{caller}/{i}");
                try
                {
                    acknowledged[request.Path] = (await store.CommitFileAsync(request, None)).Version;
                }
                catch (BigFsException exception)
                {
                    refused.Enqueue((request, exception));
                    return;
                }
            }
        })));
        Assert.That(server.HasLogged("PANIC") && server.HasLogged("No space left on device"), Is.True, server.LogTail);
        Assert.That(refused, Has.Count.EqualTo(8), "each was told");
        Assert.That(
            refused.Select(one => one.Refusal.Code), Is.All.EqualTo(BigFsErrorCode.Unavailable), refused.First().Refusal.Message);
        Assert.That(refused.Select(one => one.Refusal.Message), Is.All.Contain("metadata database"));
        BigFsException read = await RefusedAsync(() => store.FindAsync("/first", withManifest: false, None).AsTask());
        Assert.That(read.Code, Is.EqualTo(BigFsErrorCode.Unavailable), read.Message);

        disk.MakeRoom();
        await server.RestartAsync();
        int undecided = 0;
        foreach ((CommitFileRequest request, _) in refused)
        {
            MetadataEntry? found = await store.FindAsync(request.Path, withManifest: false, None);
            BigFsVersion version = (await store.CommitFileAsync(request, None)).Version;
            Assert.That(found?.Entry is not BigFsFile file || file.Version == version, Is.True, "what was done is not done again");
            undecided += found is null ? 0 : 1;
            acknowledged[request.Path] = version;
        }

        await VerifyAsync(store, acknowledged);
        TestContext.Out.WriteLine(
            $"FIGURE PostgreSQL on a full disk of its log: {acknowledged.Count} calls acknowledged, 8 unanswered of which {undecided} were done, 0 lost, 0 twice");
    }

    [Test]
    public async Task Without_a_connection_left_calls_are_refused_and_served_again_when_there_is_one()
    {
        SharedServer.RequireInstalled();
        await using PostgresServer server = await PostgresServer.StartNewAsync("max_connections = 10");
        var options = new PostgresOptions { ConnectionString = server.ConnectionString(), RetryFor = TimeSpan.FromSeconds(1) };
        await using PostgresMetadataStore store = await OpenAsync(options);
        await store.PutAsync("/before", Chunk(1));
        var held = new Stack<NpgsqlConnection>();
        CommitFileRequest late = Make("/late");
        try
        {
            await TakeAllAsync(server, held);
            await using (var end = new NpgsqlCommand(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'BigFS metadata'", held.Peek()))
            {
                await end.ExecuteNonQueryAsync();
            }

            await UntilAsync(async () => await TakeAllAsync(server, held) is 0 && held.Count >= 10, "all connections are taken");
            BigFsException change = await RefusedAsync(() => store.CommitFileAsync(late, None).AsTask());
            BigFsException read = await RefusedAsync(() => store.ListAsync(new MetadataListRequest { Directory = "/", Limit = 10 }, None).AsTask());
            BigFsException opening = await RefusedAsync(() => OpenAsync(options));
            foreach (BigFsException refusal in (BigFsException[])[change, read, opening])
            {
                Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.Unavailable), refusal.Message);
                Assert.That(refusal.Message, Does.Contain("max_connections"));
            }
        }
        finally
        {
            while (held.TryPop(out NpgsqlConnection? one))
            {
                await one.DisposeAsync();
            }
        }

        long began = Stopwatch.GetTimestamp();
        BigFsVersion version = (await store.CommitFileAsync(late, None)).Version;
        Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(5)), "service is back");
        Assert.That((await store.CommitFileAsync(late, None)).Version, Is.EqualTo(version), "done once");
        Assert.That(await store.NamesAsync("/"), Is.EqualTo(new[] { "before", "late" }));
    }

    [Test]
    public async Task More_readers_than_connections_wait_or_are_refused_and_all_are_served_when_the_database_moves_again()
    {
        PostgresServer server = await SharedServer.GetAsync();
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using PostgresMetadataStore store = await OpenAsync(options with { ConnectionString = options.ConnectionString + ";Timeout=1" });
        await store.PutAsync("/before", Chunk(1));
        Task<string>[] readers;
        await using (var holder = new NpgsqlConnection(server.ConnectionString() + ";Pooling=false"))
        {
            await holder.OpenAsync();
            await using NpgsqlTransaction hold = await holder.BeginTransactionAsync();
            await using (var take = new NpgsqlCommand($"LOCK TABLE {options.Schema}.entries IN ACCESS EXCLUSIVE MODE", holder, hold))
            {
                await take.ExecuteNonQueryAsync();
            }

            readers = [.. Enumerable.Range(0, 60).Select(_ => Task.Run(ReadAsync))];
            await UntilAsync(
                () => Task.FromResult(readers.Any(reader => reader.IsCompleted)), "those who get no connection are told");
            string told = await readers.First(reader => reader.IsCompleted);
            Assert.That(told, Does.StartWith("Unavailable").And.Contain("no connection"));
            await hold.RollbackAsync();
        }

        string[] ends = await Task.WhenAll(readers);
        Assert.That(ends.Count(end => end == "served"), Is.GreaterThanOrEqualTo(16), "who had a connection");
        Assert.That(ends.Where(end => end != "served"), Is.All.StartsWith("Unavailable"));
        Assert.That(await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(ReadAsync))), Is.All.EqualTo("served"));
        await store.PutAsync("/after", Chunk(2));

        async Task<string> ReadAsync()
        {
            try
            {
                MetadataPage page = await store.ListAsync(new MetadataListRequest { Directory = "/", Limit = 10 }, None);
                return page.Entries.Any(entry => entry.Path == "/before") ? "served" : "wrong";
            }
            catch (BigFsException exception)
            {
                return $"{exception.Code} {exception.Message}";
            }
        }
    }

    /// <summary>Opens connections until there is none; how many it opened.</summary>
    private static async Task<int> TakeAllAsync(PostgresServer server, Stack<NpgsqlConnection> held)
    {
        for (int taken = 0; ; taken++)
        {
            var connection = new NpgsqlConnection(server.ConnectionString() + ";Pooling=false");
            try
            {
                await connection.OpenAsync();
                held.Push(connection);
            }
            catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.TooManyConnections)
            {
                await connection.DisposeAsync();
                return taken;
            }
        }
    }

    private static async Task<BigFsException> RefusedAsync(Func<Task> call) => (await Assert.ThrowsAsync<BigFsException>(() => call()))!;

    private static CommitFileRequest Make(BigFsPath path) => new()
    {
        Operation = Guid.CreateVersion7(),
        Path = path,
        Precondition = Absent,
        Size = Content.Length,
        Crc32C = Crc32C.Compute(Content),
        Content = Content,
    };

    /// <summary>Everything acknowledged is there once under its version, and nothing else.</summary>
    private static async Task VerifyAsync(IMetadataStore store, ConcurrentDictionary<BigFsPath, BigFsVersion> acknowledged)
    {
        var found = new Dictionary<BigFsPath, BigFsVersion>();
        for (string? after = ""; after is not null;)
        {
            MetadataPage page = await store.ListAsync(
                new MetadataListRequest { Directory = "/", Recursive = true, After = after, Limit = 1000 }, None);
            foreach (BigFsFile file in page.Entries.OfType<BigFsFile>())
            {
                found.Add(file.Path, file.Version);
            }

            after = page.Next;
        }

        Assert.That(found, Is.EquivalentTo(acknowledged));
    }

    private static Task<PostgresMetadataStore> OpenAsync(PostgresOptions options) =>
        PostgresMetadataStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, None);
}
