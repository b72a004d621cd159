using BigFs.Core.Storage;
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
        var seen = new HashSet<string?>();
        for (int i = 0; i < Rounds; i++)
        {
            LogEntry mark = LogEntry.Delete(1, null);
            int turns = 0;
            await using var file = new WatchedFile(await disk.CreateFileAsync(Path.Combine(_folder, "log")))
            {
                // The loop ends on the disk's thread when the group is completed before its last turn.
                Entering = () => _ = ++turns == 2 && SpinWait.SpinUntil(() => mark.Outcome.IsCompleted, 1000) && SpinFor(100_000),
            };
            var writer = new LogWriter(file, 1, LogPosition.Start, resources, _ => { }, _ => { });
            writer.Enqueue(mark);

            await writer.DrainAsync();

            seen.Add(Thread.CurrentThread.Name);
            Assert.That(await mark.Outcome, Is.EqualTo(ChunkStatus.Ok));
        }

        Assert.That(seen, Has.None.StartsWith("bigfs-disk"));
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

    private static bool SpinFor(int iterations)
    {
        Thread.SpinWait(iterations);
        return true;
    }

    /// <summary>A file that calls back.</summary>
    private sealed class WatchedFile(IDiskFile inner) : IDiskFile
    {
        public Action Entering { get; init; } = () => { };

        public Action Syncing { get; init; } = () => { };

        public ValueTask EnterWriterAsync()
        {
            Entering();
            return inner.EnterWriterAsync();
        }

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
