using BigFs.Core.Metadata;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>Two metadata servers active on one database.</summary>
[TestFixture]
internal sealed class PostgresConcurrencyTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private PostgresMetadataStore[] _servers = [];

    [SetUp]
    public async Task OpenTwo()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        _servers =
        [
            await PostgresMetadataStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, None),
            await PostgresMetadataStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, None),
        ];
    }

    [TearDown]
    public async Task CloseBoth()
    {
        foreach (PostgresMetadataStore server in _servers)
        {
            await server.DisposeAsync();
        }

        _servers = [];
    }

    [Test]
    public async Task Moves_against_each_other_never_make_a_cycle_and_lose_no_directory()
    {
        const int directories = 8;
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"SEED {seed} PostgresConcurrencyTests");
        string[] marks = [.. Enumerable.Range(0, directories).Select(i => $"mark{i}")];
        for (int i = 0; i < directories; i++)
        {
            await _servers[0].PutAsync($"/d{i}/{marks[i]}");
        }

        int moved = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            var random = new Random(seed + worker);
            PostgresMetadataStore server = _servers[worker % 2];
            for (int i = 0; i < 40; i++)
            {
                BigFsPath[] all = [.. (await AllAsync(server)).OfType<BigFsDirectory>().Select(directory => directory.Path)];
                BigFsPath from = all[random.Next(all.Length)], into = random.Next(4) == 0 ? BigFsPath.Root : all[random.Next(all.Length)];
                try
                {
                    await server.MoveAsync(from, into / from.Name);
                    Interlocked.Increment(ref moved);
                }
                catch (BigFsException exception) when (exception.Code is BigFsErrorCode.NotFound or BigFsErrorCode.InvalidPath or BigFsErrorCode.AlreadyExists)
                {
                    // Another was faster, or it would lie below itself.
                }
            }
        }));

        // A move makes missing parents, so directories may come to be; what is in a cycle cannot be reached from the root.
        Assert.That((await AllAsync(_servers[1])).OfType<BigFsFile>().Select(file => file.Path.Name).Order(), Is.EqualTo(marks.Order()));
        Assert.That(moved, Is.GreaterThan(40));
    }

    [Test]
    public async Task What_one_server_answered_the_other_knows_at_once()
    {
        for (int i = 0; i < 50; i++)
        {
            BigFsPath path = $"/f{i}";
            await _servers[i % 2].PutAsync(path, Uploads.Chunk((ulong)i + 1));
            Assert.That(await _servers[(i + 1) % 2].FindAsync(path), Is.Not.Null);
            Assert.That(await _servers[(i + 1) % 2].DeleteAsync(path), Is.True);
            Assert.That(await _servers[i % 2].FindAsync(path), Is.Null);
        }
    }

    [Test]
    public async Task Of_writers_through_both_servers_that_want_a_path_absent_one_wins_each()
    {
        int[] won = await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            try
            {
                await _servers[i % 2].CommitFileAsync(
                    new CommitFileRequest { Operation = Guid.NewGuid(), Path = $"/p{i % 6}", Precondition = Uploads.Absent, Size = 0, Crc32C = 0 }, None);
                return 1;
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.AlreadyExists)
            {
                return 0;
            }
        }));

        Assert.That(won.Sum(), Is.EqualTo(6));
    }

    [Test]
    public async Task The_same_operation_through_both_servers_is_applied_once()
    {
        for (int i = 0; i < 20; i++)
        {
            var request = new CommitFileRequest { Operation = Guid.NewGuid(), Path = $"/same{i}", Size = 0, Crc32C = 0 };

            BigFsFile[] answers = await Task.WhenAll(_servers.Select(server => server.CommitFileAsync(request, None).AsTask()));

            Assert.That(answers[0].Version, Is.EqualTo(answers[1].Version));
        }
    }

    [Test]
    public async Task Claims_and_versions_of_both_servers_never_overlap()
    {
        UploadSession session = await _servers[0].BeginAsync("/f");
        await _servers[0].AbortUploadAsync(session.Id, Uploads.Chunks(1, 60), None);

        TombstoneBatch[] claims = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            _servers[i % 2].ClaimTombstonesAsync(5, TimeSpan.FromMinutes(1), None).AsTask()));
        BigFsFile[] files = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => _servers[i % 2].CommitFileAsync(
            new CommitFileRequest { Operation = Guid.NewGuid(), Path = $"/v{i}", Size = 0, Crc32C = 0 }, None).AsTask()));

        Assert.That(claims.SelectMany(claim => claim.Tombstones).Select(one => one.Id), Is.Unique);
        Assert.That(claims.Sum(claim => claim.Tombstones.Length), Is.EqualTo(60));
        Assert.That(files.Select(file => file.Version), Is.Unique);
    }

    [Test]
    public async Task A_caller_that_gives_up_waits_no_longer()
    {
        using var enough = new CancellationTokenSource();
        PostgresServer server = await SharedServer.GetAsync();
        await using var holder = new Npgsql.NpgsqlConnection(server.ConnectionString() + ";Pooling=false");
        await holder.OpenAsync();
        await using var lockIt = new Npgsql.NpgsqlCommand($"BEGIN; UPDATE {Schema}.writer SET clock = clock", holder);
        await lockIt.ExecuteNonQueryAsync();
        Task make = _servers[0].CreateDirectoryAsync(Guid.NewGuid(), "/late", enough.Token).AsTask();

        await enough.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => make);
        Assert.That(await _servers[1].FindAsync("/late"), Is.Null, "reading waits for no writer");
    }

    private string Schema => _servers[0].Location.Split('/')[^1];

    private static async Task<IEnumerable<BigFsEntry>> AllAsync(PostgresMetadataStore server) =>
        (await server.ListAsync(new MetadataListRequest { Directory = "/", Recursive = true, Limit = 10_000 }, None)).Entries;
}
