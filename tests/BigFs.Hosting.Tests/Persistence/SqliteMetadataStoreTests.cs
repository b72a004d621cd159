using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Persistence.Sqlite;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>What the SQLite engine promises beyond the contract: its file.</summary>
[TestFixture]
internal sealed class SqliteMetadataStoreTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Test]
    public async Task Everything_is_there_after_closing_and_opening_again()
    {
        using var folder = new TemporaryDirectory();
        UploadSession session;
        CommitUploadRequest commit;
        BigFsFile file;
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            session = await store.BeginAsync("/a/f");
            commit = Commit(session.Id, Chunks(1, 200));
            file = await store.CommitUploadAsync(commit, None);
            Assert.That(await store.NextIncarnationAsync(None), Is.EqualTo(1));
        }

        await using SqliteMetadataStore again = await OpenAsync(folder.Path);
        Assert.That((await again.FindAsync("/a/f"))!.Manifest, Is.EqualTo(Chunks(1, 200)));
        Assert.That((await again.CommitUploadAsync(commit, None)).Version, Is.EqualTo(file.Version));
        Assert.That(await again.NextIncarnationAsync(None), Is.EqualTo(2));
    }

    [Test]
    public async Task A_second_process_is_refused_and_wrong_settings_are_named()
    {
        using var folder = new TemporaryDirectory();
        await using SqliteMetadataStore store = await OpenAsync(folder.Path);

        Assert.That(await CodeOf(() => OpenAsync(folder.Path)), Is.EqualTo(BigFsErrorCode.DataInUse));
        var wrong = new SqliteMetadataOptions { DefaultReplicas = 9 };
        BigFsException exception = (await Assert.ThrowsAsync<BigFsException>(
            () => SqliteMetadataStore.OpenAsync(wrong, _time, NullLogger.Instance, None)))!;
        Assert.That(exception.Message, Does.Contain("DefaultReplicas").And.Contain("9"));
    }

    [Test]
    public async Task The_clock_does_not_go_back_over_a_restart()
    {
        using var folder = new TemporaryDirectory();
        UploadSession session;
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            session = await store.BeginAsync("/f");
            _time.Advance(TimeSpan.FromMinutes(6));
            await store.MakeDirectoryAsync("/later");
        }

        _time.AdjustTime(_time.GetUtcNow() - TimeSpan.FromMinutes(5));
        await using SqliteMetadataStore again = await OpenAsync(folder.Path);
        Assert.That(
            await CodeOf(async () => await again.CommitAsync(session.Id, Chunk(1))),
            Is.EqualTo(BigFsErrorCode.SessionExpired));
    }

    [Test]
    public async Task A_damaged_file_is_unreadable_and_left_as_it_was()
    {
        using var folder = new TemporaryDirectory();
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            await store.PutAsync("/f", Chunk(1));
        }

        string file = Path.Combine(folder.Path, "metadata.db");
        byte[] bytes = await File.ReadAllBytesAsync(file);
        bytes.AsSpan(100, 3000).Fill(0xA5);
        await File.WriteAllBytesAsync(file, bytes);

        Assert.That(await CodeOf(() => OpenAsync(folder.Path)), Is.EqualTo(BigFsErrorCode.DataUnreadable));
        Assert.That(await File.ReadAllBytesAsync(file), Is.EqualTo(bytes));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task A_crash_at_any_byte_of_the_log_leaves_each_operation_wholly_there_or_absent(int seed)
    {
        using var folder = new TemporaryDirectory();
        const int count = 60;
        await using SqliteMetadataStore store = await OpenAsync(folder.Path);
        for (int i = 0; i < count; i++)
        {
            // Each replaces its predecessor: the entry, its pages and the tombstones belong together.
            await store.PutAsync("/f", Chunks((ulong)(1000 * i), i % 2 == 0 ? 3 : 70));
        }

        byte[] main = await CopyAsync(folder.Path, "metadata.db"), log = await CopyAsync(folder.Path, "metadata.db-wal");
        var random = new Random(seed);
        int highest = -1;
        foreach (int cut in Enumerable.Range(0, 8).Select(_ => random.Next(log.Length)).Append(log.Length).Order())
        {
            using var crashed = new TemporaryDirectory();
            await File.WriteAllBytesAsync(Path.Combine(crashed.Path, "metadata.db"), main);
            await File.WriteAllBytesAsync(Path.Combine(crashed.Path, "metadata.db-wal"), log[..cut]);
            int last = await LastWholeAsync(crashed.Path, count);
            Assert.That(last, Is.GreaterThanOrEqualTo(highest), $"seed {seed}, cut at {cut}");
            highest = last;
        }

        Assert.That(highest, Is.EqualTo(count - 1), "all were acknowledged");
    }

    [Test]
    public async Task A_crash_while_a_deleted_tree_is_cleared_away_loses_no_tombstone()
    {
        using var folder = new TemporaryDirectory();
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => store.PutAsync($"/t/{i % 7}/{i}", Chunk((ulong)i))));
            await store.PutAsync("/t/big", Chunks(10_000, 5000));
        }

        // As the database stands right after the deletion's own transaction.
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(folder.Path, "metadata.db")};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText =
                $"INSERT INTO dead_directories (id, due) SELECT id, {_time.GetUtcNow().UtcTicks} FROM entries WHERE parent = 1; "
                + "DELETE FROM entries WHERE parent = 1;";
            command.ExecuteNonQuery();
        }

        for (int start = 0; start < 5; start++)
        {
            // Stopped in the middle, again and again.
            await using SqliteMetadataStore store = await OpenAsync(folder.Path);
            await store.MakeDirectoryAsync("/x");
        }

        await using SqliteMetadataStore last = await OpenAsync(folder.Path);
        await UntilAsync(async () => (await last.DueKeysAsync()).Length >= 6000, "6000 tombstones");
        Assert.That((await last.DueKeysAsync()).Distinct().Count(), Is.EqualTo(6000));
    }

    [Test]
    public async Task A_manifest_that_cannot_be_read_is_set_aside_and_everything_else_is_cleared_away()
    {
        using var folder = new TemporaryDirectory();
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            await store.PutAsync("/bad/f", Chunk(1));
            await store.PutAsync("/good/f", Chunk(2));
        }

        long now = _time.GetUtcNow().UtcTicks;
        Execute(
            folder.Path,
            "INSERT INTO manifest_pages VALUES (1, 0, x'FF'); "
                + $"INSERT INTO dead_versions (version, due) VALUES (1, {now}); "
                + "UPDATE entries SET manifest = x'FF' WHERE parent = (SELECT id FROM entries WHERE name = CAST('bad' AS BLOB)); "
                + $"INSERT INTO dead_directories (id, due) SELECT id, {now} FROM entries WHERE parent = 1 ORDER BY name; "
                + "DELETE FROM entries WHERE parent = 1;");
        _time.Advance(TimeSpan.FromDays(1));
        await using (SqliteMetadataStore again = await OpenAsync(folder.Path))
        {
            await UntilAsync(async () => (await again.DueKeysAsync()).Contains(2UL), "the readable one is due");
            await UntilAsync(
                () => Task.FromResult(Count(folder.Path, "SELECT count(*) FROM sessions") == 0), "old sessions are forgotten");
            await UntilAsync(
                () => Task.FromResult(Count(folder.Path, $"SELECT count(*) FROM dead_directories WHERE due = {long.MaxValue}") == 1),
                "the unreadable one is set aside");
            Assert.That(await again.DueKeysAsync(), Is.EqualTo(new[] { 2UL }));
        }

        Assert.That(Count(folder.Path, $"SELECT count(*) FROM dead_versions WHERE due = {long.MaxValue}"), Is.EqualTo(1));
        Assert.That(Count(folder.Path, $"SELECT count(*) FROM dead_directories WHERE due = {long.MaxValue}"), Is.EqualTo(1));
        Assert.That(Count(folder.Path, "SELECT count(*) FROM entries WHERE manifest = x'FF'"), Is.EqualTo(1));
    }

    [Test]
    public async Task Clearing_away_survives_an_unexpected_exception_and_the_database_is_closed_all_the_same()
    {
        using var folder = new TemporaryDirectory();
        var time = new BreakingTime();
        SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = folder.Path }, time, NullLogger.Instance, None);
        time.IsBroken = true;
        await UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return Task.FromResult(time.Thrown > 1);
            },
            "two steps that failed");
        time.IsBroken = false;
        await store.DisposeAsync();

        await using SqliteMetadataStore again = await OpenAsync(folder.Path);
    }

    [Test]
    public async Task The_log_stays_bounded_under_constant_reading()
    {
        using var folder = new TemporaryDirectory();
        const long bound = 2 << 20;
        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = folder.Path, MostLogBytes = bound }, _time, NullLogger.Instance, None);
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => store.PutAsync($"/d/{i:0000}")));
        using var stop = new CancellationTokenSource();
        Task readers = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.That((await store.NamesAsync("/d", limit: 1000)), Has.Length.EqualTo(1000));
            }
        })));
        var log = new FileInfo(Path.Combine(folder.Path, "metadata.db-wal"));
        long longest = 0, written = 0;
        byte[] content = new byte[60_000];
        uint crc = Core.Chunking.Crc32C.Compute(content);
        for (int i = 0; i < 200; i++)
        {
            await store.CommitFileAsync(
                new CommitFileRequest
                {
                    Operation = Guid.NewGuid(),
                    Path = $"/c/{i}",
                    Size = content.Length,
                    Crc32C = crc,
                    Content = content,
                },
                None);
            written += content.Length;
            log.Refresh();
            longest = Math.Max(longest, log.Length);
        }

        await stop.CancelAsync();
        await readers;

        // It is looked at each 32 transactions, of 16 pages each.
        Assert.That(written, Is.GreaterThan(5 * bound));
        Assert.That(longest, Is.LessThan(bound + (2 * 32 * 80_000)), "bytes");
    }

    [Test]
    public async Task A_namespace_of_an_older_schema_opens_and_knows_its_chunks()
    {
        using var folder = new TemporaryDirectory();
        SqliteDatabaseOptions options = SqliteMetadataSchema.Database(folder.Path);
        using (SqliteDatabase old = SqliteDatabase.Open(options with { Migrations = [.. options.Migrations.Take(3)] }))
        {
            using var directory = new SqliteStatement(
                old.Connection, "INSERT INTO entries (parent, id, created, modified, name) VALUES (?1, ?2, 1, 1, ?3)");
            directory.Bind(SqliteMetadataSchema.AboveRoot, SqliteMetadataSchema.RootId).Name(3, "").Run();
            directory.Bind(SqliteMetadataSchema.RootId, 5).Name(3, "a").Run();
            using var file = new SqliteStatement(
                old.Connection,
                "INSERT INTO entries (parent, created, modified, version, size, crc, replicas, name, manifest) "
                    + "VALUES (5, 1, 1, ?1, ?2, 7, 2, ?3, ?4)");
            file.Bind(71, 200).Name(3, "small").Blob(4, ManifestCodec.Encode(Chunks(1, 2).AsSpan())).Run();
            file.Bind(72, 150_000).Name(3, "large").Null(4).Run();
            file.Bind(73, 0).Name(3, "empty").Blob(4, ManifestCodec.Encode([])).Run();
            using var page = new SqliteStatement(
                old.Connection, "INSERT INTO manifest_pages (version, page, chunks) VALUES (72, ?1, ?2)");
            page.Bind(0).Blob(2, ManifestCodec.Encode(Chunks(100, 1024).AsSpan())).Run();
            page.Bind(1).Blob(2, ManifestCodec.Encode(Chunks(1124, 476).AsSpan())).Run();
            using var tombstone = new SqliteStatement(
                old.Connection, "INSERT INTO tombstones (due, volume, key) VALUES (1, 1, 7777)");
            tombstone.Bind().Run();
        }

        await using SqliteMetadataStore store = await OpenAsync(folder.Path);

        ImmutableArray<ChunkOwners> owners =
            await store.FindOwnersAsync([new ChunkKey(2), new ChunkKey(1599), new ChunkKey(7777)], None);
        Assert.That(owners[0].Owners, Is.EqualTo([new ChunkOwner(new BigFsVersion(71), "/a/small")]));
        Assert.That(owners[1].Owners, Is.EqualTo([new ChunkOwner(new BigFsVersion(72), "/a/large")]));
        Assert.That(owners[2].IsDeleted, Is.True);
        Assert.That((await store.FindAsync("/a/large"))!.Chunks, Is.EqualTo(1500));
        Assert.That(await store.ManifestAsync("/a/large"), Is.EqualTo(Chunks(100, 1500)));
        Assert.That((await store.FindAsync("/a/empty"))!.Chunks, Is.Zero);
    }

    [Test]
    public async Task A_newer_schema_is_refused_and_left_as_it_was()
    {
        using var folder = new TemporaryDirectory();
        await using (SqliteMetadataStore store = await OpenAsync(folder.Path))
        {
            await store.PutAsync("/f", Chunk(1));
        }

        Execute(folder.Path, "PRAGMA user_version = 1000");

        Assert.That(await CodeOf(() => OpenAsync(folder.Path)), Is.EqualTo(BigFsErrorCode.DataTooNew));
        Execute(folder.Path, $"PRAGMA user_version = {SqliteMetadataSchema.Database(null).Migrations.Length}");
        await using SqliteMetadataStore again = await OpenAsync(folder.Path);
        Assert.That((await again.FindAsync("/f"))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task A_closed_namespace_says_so()
    {
        using var folder = new TemporaryDirectory();
        SqliteMetadataStore store = await OpenAsync(folder.Path);
        await store.DisposeAsync();

        Assert.That(await CodeOf(async () => await store.PutAsync("/f")), Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(await CodeOf(async () => await store.FindAsync("/f")), Is.EqualTo(BigFsErrorCode.Unavailable));
    }

    [Test]
    public async Task A_caller_that_gives_up_before_its_turn_changes_nothing()
    {
        await using SqliteMetadataStore store = await OpenAsync(null);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        Assert.That(
            async () => await store.CreateDirectoryAsync(Guid.NewGuid(), "/d", cancelled.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await store.FindAsync("/d"), Is.Null);
    }

    private static void Execute(string folder, string command) => Count(folder, command);

    private static long? Count(string folder, string query)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "metadata.db")};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = query;
        return command.ExecuteScalar() as long?;
    }

    private static async Task<BigFsErrorCode> CodeOf(Func<Task> action) =>
        (await Assert.ThrowsAsync<BigFsException>(() => action()))!.Code;

    // While the store is open: nothing is being written at this moment.
    private static async Task<byte[]> CopyAsync(string folder, string name)
    {
        await using var file = new FileStream(
            Path.Combine(folder, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        await file.CopyToAsync(copy);
        return copy.ToArray();
    }

    // Opens the image and checks that it is the state after some operation; returns which, -1 for before the first.
    private async Task<int> LastWholeAsync(string folder, int count)
    {
        var later = new FakeTimeProvider(_time.GetUtcNow() + TimeSpan.FromHours(2));
        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = folder }, later, NullLogger.Instance, None);
        MetadataEntry? found = await store.FindAsync("/f");
        int last = found is null ? -1 : (int)(found.Manifest[0].Key.Value / 1000);
        if (found is not null)
        {
            Assert.That(found.Manifest, Is.EqualTo(Chunks((ulong)(1000 * last), last % 2 == 0 ? 3 : 70)));
        }

        ulong[] buried = [.. Enumerable.Range(0, Math.Max(last, 0))
            .SelectMany(i => Chunks((ulong)(1000 * i), i % 2 == 0 ? 3 : 70)).Select(chunk => chunk.Key.Value)];
        await UntilAsync(async () => (await store.DueKeysAsync()).Length >= buried.Length, "what was replaced is due");
        Assert.That(await store.DueKeysAsync(), Is.EqualTo(buried));
        Assert.That(last, Is.LessThan(count));
        return last;
    }

    /// <summary>A clock that throws when it is told to.</summary>
    private sealed class BreakingTime : FakeTimeProvider
    {
        private int _thrown;

        public volatile bool IsBroken;

        public int Thrown => Volatile.Read(ref _thrown);

        public override DateTimeOffset GetUtcNow()
        {
            if (IsBroken)
            {
                Interlocked.Increment(ref _thrown);
                throw new InvalidOperationException("made to fail");
            }

            return base.GetUtcNow();
        }
    }

    private Task<SqliteMetadataStore> OpenAsync(string? folder) => SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = folder }, _time, NullLogger.Instance, None);
}
