using BigFs.Core.Storage;
using BigFs.Core.Threading;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>
/// The disk's threads are few and make blocking calls: whoever waited for a log must not go on there. It would hold the disk
/// up, and who then ends the disk would wait for itself.
/// </summary>
[Platform("Linux")]
public sealed class DiskThreadTests
{
    private const int Rounds = 50;

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("bigfs-threads-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    [CancelAfter(60_000)]
    public Task Who_waited_for_a_log_to_be_drained_goes_on_elsewhere() => WithoutContextAsync(async () =>
    {
        using var disk = new PosixDisk();
        using var resources = new LogResources(disk, StoreKit.Options(_folder), TimeProvider.System);
        await using IDiskFile file = await disk.CreateFileAsync(Path.Combine(_folder, "log"));
        var writer = new LogWriter(file, 1, LogPosition.Start, resources, _ => { }, _ => { });
        LogEntry mark = LogEntry.Delete(1, null);
        Task<string?> drained = Task.FromResult<string?>("");

        // The loop ends on the thread that was lent to the disk, while the other waits.
        OnThread("lender", () => BlockingThreads.RunHere(() =>
        {
            writer.Enqueue(mark);
            drained = DrainAsync(writer);
        }));

        Assert.That(mark.Outcome.IsCompleted, Is.True, "written by the thread that was lent");
        Assert.That(await mark.Outcome, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await drained, Is.Null.Or.Not.EqualTo("lender").And.Not.StartsWith("bigfs-disk"));
    });

    [Test]
    [CancelAfter(60_000)]
    public Task A_lent_thread_writes_its_own_entry_and_leaves_the_rest_to_the_disk() => WithoutContextAsync(async () =>
    {
        using var disk = new PosixDisk();
        using var resources = new LogResources(disk, StoreKit.Options(_folder), TimeProvider.System);
        LogEntry own = LogEntry.Delete(1, null), second = LogEntry.Delete(2, null);
        LogWriter? writer = null;
        var syncedBy = new List<string?>();
        await using var file = new WatchedFile(await disk.CreateFileAsync(Path.Combine(_folder, "log")))
        {
            Syncing = () =>
            {
                syncedBy.Add(Thread.CurrentThread.Name);
                if (syncedBy.Count == 1)
                {
                    writer!.Enqueue(second);
                }
            },
        };
        writer = new LogWriter(file, 1, LogPosition.Start, resources, _ => { }, _ => { });

        OnThread("lender", () => BlockingThreads.RunHere(() => writer.Enqueue(own)));

        Assert.That(own.Outcome.IsCompleted, Is.True);
        Assert.That(await Task.WhenAll(own.Outcome, second.Outcome), Is.All.EqualTo(ChunkStatus.Ok));
        await writer.DrainAsync();
        Assert.That(syncedBy, Is.EqualTo(new[] { "lender", "bigfs-disk-write" }));
    });

    [Test]
    [CancelAfter(60_000)]
    public Task Lent_threads_and_others_append_to_one_log_at_once() => WithoutContextAsync(async () =>
    {
        using var disk = new PosixDisk();
        await using VolumeStore store = await StoreKit.OpenAsync(disk, StoreKit.Options(_folder));
        Assert.That(await store.OpenVolumeAsync(1), Is.EqualTo(ChunkStatus.Ok));
        byte[] bytes = StoreKit.Bytes(70_000);
        var outcomes = new Task<ChunkStatus>[4 * Rounds];

        Thread[] writers = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            for (int i = number; i < outcomes.Length; i += 4)
            {
                ulong key = (ulong)i + 1;
                if (number < 3)
                {
                    BlockingThreads.RunHere(() => outcomes[key - 1] = store.AppendAsync(1, 1, key, bytes));
                }
                else
                {
                    outcomes[i] = store.AppendAsync(1, 1, key, bytes);
                }

                Task.WaitAny(outcomes[i]);
            }
        }))];
        Array.ForEach(writers, thread => thread.Start());
        Array.ForEach(writers, thread => thread.Join());

        Assert.That(await Task.WhenAll(outcomes), Is.All.EqualTo(ChunkStatus.Ok));
        for (ulong key = 1; key <= (ulong)outcomes.Length; key++)
        {
            (ChunkStatus status, byte[]? read) = await store.ReadAsync(1, key);
            Assert.That(status == ChunkStatus.Ok && bytes.AsSpan().SequenceEqual(read), Is.True, $"chunk {key}: {status}");
        }
    });

    [Test]
    [CancelAfter(60_000)]
    public Task Who_waited_for_a_log_that_failed_goes_on_elsewhere() => WithoutContextAsync(async () =>
    {
        using var disk = new PosixDisk();
        using var resources = new LogResources(disk, StoreKit.Options(_folder), TimeProvider.System);
        LogEntry first = LogEntry.Delete(1, null), second = LogEntry.Delete(2, null);
        LogWriter? writer = null;
        await using var file = new WatchedFile(await disk.CreateFileAsync(Path.Combine(_folder, "log")))
        {
            // The second waits while the first one's flush fails.
            Syncing = () =>
            {
                writer!.Enqueue(second);
                throw new DiskException("flush failed");
            },
        };
        writer = new LogWriter(file, 1, LogPosition.Start, resources, _ => { }, _ => { });
        Task<(ChunkStatus Status, string? Thread)>[] waits = [WaitAsync(first), WaitAsync(second)];
        writer.Enqueue(first);

        foreach ((ChunkStatus status, string? thread) in await Task.WhenAll(waits))
        {
            Assert.That(status, Is.EqualTo(ChunkStatus.DiskFailed));
            Assert.That(thread, Is.Null.Or.Not.StartsWith("bigfs-disk"));
        }

        Assert.That(await writer.CloseAsync(), Is.False);
    });

    /// <summary>The test framework's context would take every wait off the thread that ends it.</summary>
    private static Task WithoutContextAsync(Func<Task> test) => Task.Run(test);

    private static async Task<(ChunkStatus Status, string? Thread)> WaitAsync(LogEntry entry) =>
        (await entry.Outcome, Thread.CurrentThread.Name);

    private static async Task<string?> DrainAsync(LogWriter writer)
    {
        await writer.DrainAsync();
        return Thread.CurrentThread.Name;
    }

    private static void OnThread(string name, Action work)
    {
        var thread = new Thread(() => work()) { Name = name };
        thread.Start();
        thread.Join();
    }

    /// <summary>A file that calls back.</summary>
    private sealed class WatchedFile(IDiskFile inner) : IDiskFile
    {
        public Action Syncing { get; init; } = () => { };

        public ValueTask EnterWriterAsync() => inner.EnterWriterAsync();

        public ValueTask<long> GetLengthAsync() => inner.GetLengthAsync();

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => inner.ReadAsync(offset, destination);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => inner.WriteAsync(offset, bytes);

        public async ValueTask SyncAsync()
        {
            await inner.SyncAsync();
            Syncing();
        }

        public ValueTask ExtendAsync(long length) => inner.ExtendAsync(length);

        public ValueTask TruncateAsync(long length) => inner.TruncateAsync(length);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
