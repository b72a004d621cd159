using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>
/// Random work on a disk whose power goes at a random operation; what was not synced survives sector by sector as the dice
/// fall. Whatever was acknowledged must be there, and nothing else but what was under way.
/// </summary>
[TestFixture]
public sealed class VolumeCrashTests
{
    private static readonly int[] Lengths = [1, 63, 4096, 5000, 20_000, 65_535, 65_537];

    private static readonly Gen<Step[]> Steps = Gen.Select(
        Gen.Int[0, 11], Gen.Int[1, 4], Gen.Int[0, Lengths.Length - 1],
        (kind, count, length) => new Step(kind, count, Lengths[length])).Array[1, 10];

    [Test]
    public void Whatever_was_acknowledged_survives_a_crash_at_any_operation() =>
        Gen.Select(Steps, Gen.Int[0, 80], Gen.Int).Sample(
            (steps, operations, dice) => SingleThread.Run(() => CrashAsync(steps, operations, new Random(dice))),
            iter: 200,
            seed: "0N0XIzNsQ0O2",
            threads: 1);

    private static async Task CrashAsync(Step[] steps, int operations, Random dice)
    {
        using var disk = new MemoryDisk();
        var model = new Model();
        VolumeStore store = await StoreKit.OpenAsync(disk);
        Assert.That(await store.OpenVolumeAsync(1), Is.EqualTo(ChunkStatus.Ok));
        NodeId node = store.Node;
        disk.Fault = (operation, _) =>
            operation != DiskOperation.Read && --operations < 0 ? new DiskException("the power is off") : null;
        foreach (Step step in steps)
        {
            await model.RunAsync(store, step);
        }

        operations = 0;
        await store.DisposeAsync();
        disk.Crash(dice);
        disk.Fault = null;

        ImmutableArray<StoredChunkInfo> held = [];
        for (int opening = 0; opening < 2; opening++)
        {
            await using VolumeStore again = await StoreKit.OpenAsync(disk);
            Assert.That(again.Node, Is.EqualTo(node));
            Assert.That(again.Identity.CleanStart, Is.EqualTo(opening > 0));
            await model.VerifyAsync(again);
            await again.AdoptClusterAsync(Guid.Empty);
            ImmutableArray<StoredChunkInfo> now = await again.ListAsync(1);
            Assert.That(opening == 0 || now.SequenceEqual(held), "a second opening finds the same");
            held = now;
        }
    }

    /// <param name="Kind">
    /// 0 to 6: so many chunks at once; 7: a deletion; 8: fence, seal and reopen; 9: chunks and a fence; 10 and 11: as 8,
    /// compacted while it is sealed.
    /// </param>
    /// <param name="Count">How many at once.</param>
    /// <param name="Length">Bytes of each chunk.</param>
    private sealed record Step(int Kind, int Count, int Length);

    private sealed class Model
    {
        private readonly Dictionary<ulong, byte[]> _tried = [];
        private readonly HashSet<ulong> _acknowledged = [];
        private readonly HashSet<ulong> _deleting = [];
        private readonly HashSet<ulong> _deleted = [];
        private readonly List<(long Epoch, ReplicaState State)> _history = [(1, ReplicaState.Open)];
        private int _certain;
        private ulong _lastKey;
        private long _epoch = 1;

        public async Task RunAsync(VolumeStore store, Step step)
        {
            switch (step.Kind)
            {
                case 7:
                    await DeleteAsync(store, step.Count);
                    break;
                case 8:
                    await TurnAsync(store);
                    break;
                case 9:
                    Task<ChunkStatus[]> appends = Task.WhenAll(Append(store, step));
                    await TurnAsync(store);
                    await appends;
                    break;
                case > 9:
                    await DeleteAsync(store, step.Count);
                    await TurnAsync(store, isCompacted: true);
                    break;
                default:
                    await Task.WhenAll(Append(store, step));
                    break;
            }
        }

        public async Task VerifyAsync(VolumeStore store)
        {
            VolumeReport report = store.Volumes.Single();
            Assert.That(_history.Skip(_certain), Does.Contain((report.Epoch, report.State)));
            foreach (ulong key in _acknowledged)
            {
                (ChunkStatus status, byte[]? bytes) = await store.ReadAsync(1, key);
                bool mayBeDeleted = _deleting.Contains(key);
                Assert.That(
                    status == ChunkStatus.Ok ? bytes!.SequenceEqual(_tried[key]) : mayBeDeleted,
                    $"acknowledged chunk {key}: {status}");
            }

            foreach (ulong key in _deleted)
            {
                Assert.That((await store.ReadAsync(1, key)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
            }

            foreach (StoredChunkInfo chunk in (await store.ListAsync(1)).Where(chunk => !chunk.Deleted))
            {
                Assert.That(await store.VerifyAsync(new VolumeId(1), chunk.Key, default), Is.EqualTo(ChunkStatus.Ok));
                Assert.That((await store.ReadAsync(1, chunk.Key.Value)).Bytes, Same.As(_tried[chunk.Key.Value]));
            }
        }

        private IEnumerable<Task<ChunkStatus>> Append(VolumeStore store, Step step) =>
            [.. Enumerable.Range(0, step.Count).Select(i => AppendAsync(store, ++_lastKey, step.Length + i))];

        private async Task<ChunkStatus> AppendAsync(VolumeStore store, ulong key, int length)
        {
            _tried[key] = StoreKit.Bytes(length, (int)key);
            ChunkStatus status = await store.AppendAsync(1, _epoch, key, _tried[key]);
            if (status == ChunkStatus.Ok)
            {
                _acknowledged.Add(key);
            }

            return status;
        }

        private async Task DeleteAsync(VolumeStore store, int count)
        {
            ulong[] keys = [.. Enumerable.Range(0, count).Select(i => (_lastKey / 2) + (ulong)i + 1)];
            _lastKey = Math.Max(_lastKey, keys[^1]);
            _deleting.UnionWith(keys);
            if (await store.DeleteAsync(1, keys) == ChunkStatus.Ok)
            {
                _deleted.UnionWith(keys);
            }
        }

        /// <summary>Fences and seals under the next epoch and reopens under the one after.</summary>
        private async Task TurnAsync(VolumeStore store, bool isCompacted = false)
        {
            bool goesOn = await OrderAsync(ReplicaState.Fenced, _epoch + 1, store.FenceAsync(1, _epoch + 1));
            goesOn = goesOn && await OrderAsync(ReplicaState.Sealed, _epoch + 1, store.SealAsync(1, _epoch + 1));
            _ = goesOn && isCompacted && await store.CompactAsync(new VolumeId(1), default) == ChunkStatus.Ok;
            _ = goesOn && await OrderAsync(ReplicaState.Open, _epoch + 2, store.OpenVolumeAsync(1, _epoch + 2));
            _epoch = _history[_certain].Epoch;
        }

        private async Task<bool> OrderAsync(ReplicaState state, long epoch, ValueTask<ChunkStatus> order)
        {
            _history.Add((epoch, state));
            if (await order != ChunkStatus.Ok)
            {
                return false;
            }

            _certain = _history.Count - 1;
            return true;
        }
    }
}
