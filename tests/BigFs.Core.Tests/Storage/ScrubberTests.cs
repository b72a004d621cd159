using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>Chunks reread at a set rate, on a clock of the test's.</summary>
[TestFixture]
internal sealed class ScrubberTests
{
    private const int ChunkLength = 100_000;
    private const int Chunks = 40;
    private const long Rate = 1_000_000;

    private readonly List<(VolumeId Volume, ChunkKey Key, ChunkStatus Status)> _found = [];
    private FakeTimeProvider _time = null!;
    private MemoryDisk _disk = null!;
    private VolumeStore _store = null!;

    [SetUp]
    public async Task Fill()
    {
        _found.Clear();
        _time = new FakeTimeProvider(StoreKit.Now);
        _disk = new MemoryDisk();
        _store = await StoreKit.OpenAsync(_disk);
        for (int i = 0; i < Chunks; i++)
        {
            await _store.OpenVolumeAsync(1 + (i % 2));
            await _store.AppendAsync(1 + (i % 2), 1, (ulong)i + 1, StoreKit.Bytes(ChunkLength, i));
        }
    }

    [TearDown]
    public async Task Close()
    {
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [Test]
    public async Task A_flipped_byte_is_found_within_one_pass_and_reported_once([Values(1, 2)] int volume)
    {
        int number = volume + 5; // a chunk of that volume
        ulong key = (ulong)number + 1;
        byte[] log = await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(volume));
        int at = log.AsSpan().IndexOf(StoreKit.Bytes(ChunkLength, number));
        Assert.That(at, Is.Positive);
        await StoreKit.FlipAsync(_disk, StoreKit.LogPath(volume), at + 77_777);

        Scrubber scrubber = Scrubber(rate: long.MaxValue / 2);
        await scrubber.RunPassAsync(default);

        Assert.That(_found, Is.EqualTo(new[] { (new VolumeId(volume), new ChunkKey(key), ChunkStatus.Damaged) }));
        Assert.That(scrubber.Progress, Is.EqualTo(new ScrubProgress(1, null, Chunks, Chunks * ChunkLength, 1)));
    }

    [Test]
    public async Task A_pass_takes_as_long_as_its_rate_asks_for()
    {
        Scrubber scrubber = Scrubber(Rate);
        DateTimeOffset began = _time.GetUtcNow();
        Task pass = scrubber.RunPassAsync(default);
        await AdvanceUntilAsync(() => pass.IsCompleted, () =>
        {
            double due = (_time.GetUtcNow() - began).TotalSeconds * Rate;
            Assert.That(scrubber.Progress.Bytes, Is.LessThanOrEqualTo(due + (2 * ChunkLength)));
        });
        await pass;

        Assert.That((_time.GetUtcNow() - began).TotalSeconds, Is.GreaterThanOrEqualTo(0.95 * Chunks * ChunkLength / Rate));
        Assert.That(scrubber.Progress.Bytes, Is.EqualTo(Chunks * ChunkLength));
        Assert.That(_found, Is.Empty);
    }

    [Test]
    public async Task Passes_come_again_after_the_interval_and_end_with_the_token()
    {
        using var stop = new CancellationTokenSource();
        Scrubber scrubber = Scrubber(rate: long.MaxValue / 2, TimeSpan.FromHours(6));
        DateTimeOffset began = _time.GetUtcNow();
        Task running = scrubber.RunAsync(stop.Token);
        Assert.That(scrubber.Progress.Passes, Is.Zero);
        await AdvanceUntilAsync(() => scrubber.Progress.Passes == 2, () => { }, TimeSpan.FromMinutes(10));
        Assert.That(_time.GetUtcNow() - began, Is.GreaterThanOrEqualTo(TimeSpan.FromHours(12)));

        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Test]
    public async Task Deletes_and_seals_go_on_during_a_pass_and_are_no_findings()
    {
        Scrubber scrubber = Scrubber(Rate);
        Task pass = scrubber.RunPassAsync(default);
        await AdvanceUntilAsync(() => scrubber.Progress.Chunks >= 3, () => { });
        Assert.That(pass.IsCompleted, Is.False);

        // The pass waits for its rate here, and holds nothing while it does.
        Assert.That(await _store.DeleteAsync(1, 5, 7, 9, 11).WaitAsync(TimeSpan.FromSeconds(10)), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.FenceAsync(2, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.SealAsync(2, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AppendAsync(1, 1, 99, [1, 2, 3]), Is.EqualTo(ChunkStatus.Ok));

        await AdvanceUntilAsync(() => pass.IsCompleted, () => { });
        await pass;
        Assert.That(_found, Is.Empty);
        Assert.That(scrubber.Progress.Damaged, Is.Zero);
    }

    [Test]
    public async Task A_disk_that_cannot_be_read_is_a_finding()
    {
        _disk.Fault = (operation, path) =>
            operation == DiskOperation.Read && path == StoreKit.LogPath(2) ? new DiskException("injected") : null;
        Scrubber scrubber = Scrubber(rate: long.MaxValue / 2);
        await scrubber.RunPassAsync(default);
        _disk.Fault = null;

        Assert.That(_found, Has.Count.EqualTo(Chunks / 2).And.All.Matches<(VolumeId Volume, ChunkKey, ChunkStatus Status)>(
            one => one.Volume == new VolumeId(2) && one.Status == ChunkStatus.DiskFailed));
    }

    [Test]
    public async Task A_store_that_stops_ends_the_pass()
    {
        Scrubber scrubber = Scrubber(Rate);
        Task pass = scrubber.RunPassAsync(default);
        await _store.DisposeAsync();
        await AdvanceUntilAsync(() => pass.IsCompleted, () => { });
        await pass;
        Assert.That(_found, Is.Empty);
    }

    [Test]
    public async Task A_rate_of_zero_means_never()
    {
        await Scrubber(rate: 0).RunAsync(default).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(
            () => Scrubber(rate: -1),
            Throws.TypeOf<BigFsException>().With.Property(nameof(BigFsException.Code)).EqualTo(BigFsErrorCode.InvalidSettings));
    }

    private Scrubber Scrubber(long rate, TimeSpan? interval = null) => new(
        _store,
        new ScrubOptions { BytesPerSecond = rate, Interval = interval ?? TimeSpan.FromHours(1) },
        _time,
        NullLogger.Instance,
        (volume, key, status, _) =>
        {
            _found.Add((volume, key, status));
            return ValueTask.CompletedTask;
        });

    /// <summary>Drives the clock until the condition holds, checking at each step what must always hold.</summary>
    private async Task AdvanceUntilAsync(Func<bool> condition, Action check, TimeSpan? step = null)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            deadline.Token.ThrowIfCancellationRequested();
            check();
            _time.Advance(step ?? TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
    }
}
