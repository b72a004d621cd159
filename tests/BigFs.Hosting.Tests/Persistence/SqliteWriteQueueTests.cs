using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using NUnit.Framework;
using SQLitePCL;

namespace BigFs.Hosting.Tests.Persistence;

[TestFixture]
internal sealed class SqliteWriteQueueTests
{
    private TemporaryDirectory _folder = null!;
    private SqliteDatabase _database = null!;
    private SqliteWriteQueue _queue = null!;
    private SqliteStatement _insert = null!;
    private int _commits;

    [SetUp]
    public void Open()
    {
        _commits = 0;
        _folder = new TemporaryDirectory();
        _database = SqliteDatabase.Open(new SqliteDatabaseOptions
        {
            Name = "sample",
            Directory = _folder.Path,
            ApplicationId = 7,
            Migrations = ["CREATE TABLE one (size INTEGER UNIQUE, bytes BLOB)"],
        });
        _insert = new SqliteStatement(_database.Connection, "INSERT INTO one VALUES (?1, zeroblob(?1))");
        _queue = new SqliteWriteQueue(_database, turn: null, () => _commits++);
    }

    [TearDown]
    public async Task Close()
    {
        await _queue.DisposeAsync();
        _insert.Dispose();
        _database.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task Waiting_operations_share_a_transaction_and_one_that_fails_leaves_the_others_alone()
    {
        Task<int>[] ends = await Together(
            () => Insert(1),
            () => throw new BigFsException(BigFsErrorCode.NotFound, "refused"),
            () => Insert(1),
            () => InsertThenFail(2),
            () => Insert(3));

        Assert.That((await ends[0], await ends[4]), Is.EqualTo((1, 1)));
        Assert.That(await CodeOf(ends[1]), Is.EqualTo(BigFsErrorCode.NotFound));
        Assert.That(await CodeOf(ends[2]), Is.EqualTo(BigFsErrorCode.Internal), "the table's constraint");
        Assert.That(await CodeOf(ends[3]), Is.EqualTo(BigFsErrorCode.InvalidPath));
        Assert.That(Sizes(), Is.EqualTo([1, 3]));
        Assert.That(_commits, Is.EqualTo(1));
    }

    [Test]
    public async Task An_operation_that_does_not_fit_the_disk_leaves_the_others_alone()
    {
        await _queue.RunAsync(() => Limit(20), default);

        Task<int>[] ends = await Together(() => Insert(1), () => Insert(1_000_000), () => Insert(2));

        Assert.That((await ends[0], await ends[2]), Is.EqualTo((1, 1)));
        Assert.That(await CodeOf(ends[1]), Is.EqualTo(BigFsErrorCode.OutOfSpace));
        Assert.That(Sizes(), Is.EqualTo([1, 2]));
    }

    [Test]
    public async Task After_an_error_of_the_disk_nothing_more_is_written()
    {
        await _queue.RunAsync(() => Insert(1), default);

        Task<int>[] ends = await Together(() => Insert(2), () => throw new SqliteException("disk I/O error", raw.SQLITE_IOERR));
        Assert.That(await CodeOf(ends[0]), Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(await CodeOf(ends[1]), Is.EqualTo(BigFsErrorCode.Unavailable));

        Assert.That(await CodeOf(_queue.RunAsync(() => Insert(3), default).AsTask()), Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(Sizes(), Is.EqualTo([1]));
    }

    [Test]
    public async Task An_operation_that_is_cancelled_while_it_waits_is_never_run()
    {
        using var open = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        Task first = Block(open);
        Task<int> waiting = _queue.RunAsync(() => Insert(1), cancel.Token).AsTask();

        await cancel.CancelAsync();

        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        open.Set();
        await first;
        Assert.That(await _queue.RunAsync(() => Insert(2), default), Is.EqualTo(1));
        Assert.That(Sizes(), Is.EqualTo([2]));
    }

    private static async Task<BigFsErrorCode> CodeOf(Task<int> task) =>
        (await Assert.ThrowsAsync<BigFsException>(() => task))!.Code;

    // Holds the writer until all of them wait, so that they make one batch.
    private async Task<Task<int>[]> Together(params Func<int>[] operations)
    {
        using var open = new ManualResetEventSlim();
        Task first = Block(open);
        Task<int>[] ends = [.. operations.Select(operation => _queue.RunAsync(operation, default).AsTask())];
        open.Set();
        await first.WaitAsync(TimeSpan.FromSeconds(20));
        return ends;
    }

    private Task Block(ManualResetEventSlim open)
    {
        using var begun = new ManualResetEventSlim();
        Task first = _queue.RunAsync(
            () =>
            {
                begun.Set();
                return open.Wait(TimeSpan.FromSeconds(20));
            },
            default).AsTask();
        Assert.That(begun.Wait(TimeSpan.FromSeconds(20)), Is.True);
        return first;
    }

    private int Insert(int size) => _insert.Bind(size).Run();

    private int InsertThenFail(int size)
    {
        Insert(size);
        throw new BigFsException(BigFsErrorCode.InvalidPath, "after a change");
    }

    private bool Limit(int pages)
    {
        using var limit = new SqliteStatement(_database.Connection, $"PRAGMA max_page_count = {pages}");
        return limit.Bind().Single() == pages;
    }

    private List<long> Sizes()
    {
        using SqliteConnection reader = _database.OpenReader();
        using var all = new SqliteStatement(reader, "SELECT size FROM one ORDER BY size");
        var sizes = new List<long>();
        while (all.Step())
        {
            sizes.Add(all.Long(0));
        }

        return sizes;
    }
}
