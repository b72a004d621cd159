using BigFs.Core.Chunking;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>A volume's log as a store wrote it: every change of the file, and when what was acknowledged.</summary>
internal sealed class LogStory
{
    private static readonly int[] Lengths = [1, 63, 512, 1000, 4096, 5000, 65_537];

    private readonly List<(int Moment, ulong Key, bool IsDelete)> _acknowledged = [];
    private readonly Dictionary<ulong, byte[]> _tried = [];

    /// <summary>Up to six steps: chunks at once (kinds 0 to 4), a deletion (5), the volume fenced, sealed, reopened (6).</summary>
    public static Gen<(int Kind, int Count, int Length)[]> Steps { get; } = Gen.Select(
        Gen.Int[0, 6], Gen.Int[1, 4], Gen.Int[0, Lengths.Length - 1],
        (kind, count, length) => (kind, count, Lengths[length])).Array[1, 6];

    public required WriteLog Log { get; init; }

    /// <summary>The moment before the clean stop began.</summary>
    public int Stop { get; private set; }

    public static LogStory Write((int Kind, int Count, int Length)[] steps)
    {
        LogStory? story = null;
        SingleThread.Run(async () => story = await WriteAsync(steps));
        return story!;
    }

    /// <summary>Whatever was acknowledged at the moment is among the records, and nothing that was never written.</summary>
    public void Check(int moment, byte[] image, LogProbe probe)
    {
        Assert.That(probe.Damage, Is.Null);
        CheckNothingInvented(image, probe);
        HashSet<ulong> chunks = [.. probe.Records.Where(one => one.Header.Kind == RecordKind.Chunk).Select(one => one.Header.Key)];
        HashSet<ulong> deletes = [.. probe.Records.Where(one => one.Header.Kind == RecordKind.Delete).Select(one => one.Header.Key)];
        foreach ((int at, ulong key, bool isDelete) in _acknowledged)
        {
            if (at <= moment && !(isDelete ? deletes : chunks).Contains(key))
            {
                Assert.Fail($"{(isDelete ? "mark" : "chunk")} {key}, acknowledged at {at}, is lost at {moment}");
            }
        }
    }

    /// <summary>Every record says what was written, with the bytes that were written unless the flip is in them.</summary>
    /// <param name="image">The log.</param>
    /// <param name="probe">What was read from it.</param>
    /// <param name="flipped">A byte of the image that is not as it was written.</param>
    public void CheckNothingInvented(byte[] image, LogProbe probe, long flipped = -1)
    {
        foreach (FoundRecord record in probe.Records.Where(one => one.Header.Kind == RecordKind.Chunk))
        {
            bool isKnown = _tried.TryGetValue(record.Header.Key, out byte[]? bytes);
            ReadOnlySpan<byte> stored = image.AsSpan((int)record.PayloadOffset, record.Header.Length);
            bool isHit = flipped >= record.PayloadOffset && flipped < record.PayloadOffset + record.Header.Length;
            if (!isKnown || record.Header.Crc32C != Crc32C.Compute(bytes) || (!isHit && !stored.SequenceEqual(bytes)))
            {
                Assert.Fail($"chunk {record.Header.Key} at {record.PayloadOffset} was never written so");
            }
        }
    }

    private static async Task<LogStory> WriteAsync((int Kind, int Count, int Length)[] steps)
    {
        using var disk = new MemoryDisk();
        var story = new LogStory { Log = new WriteLog(disk, StoreKit.LogPath(1)) };
        VolumeStore store = await StoreKit.OpenAsync(story.Log, StoreKit.Options() with { PreparedBytesPerNode = 16 << 10 });
        await store.OpenVolumeAsync(1);
        long epoch = 1;
        ulong last = 0;
        foreach ((int kind, int count, int length) in steps)
        {
            switch (kind)
            {
                case 5:
                    ulong key = (last / 2) + 1;
                    Assert.That(await store.DeleteAsync(1, key), Is.EqualTo(ChunkStatus.Ok));
                    story._acknowledged.Add((story.Log.Count, key, true));
                    last = Math.Max(last, key);
                    break;
                case 6:
                    await store.FenceAsync(1, epoch + 1);
                    await store.SealAsync(1, epoch + 1);
                    await store.OpenVolumeAsync(1, epoch += 2);
                    break;
                default:
                    await Task.WhenAll(Enumerable.Range(0, count).Select(i => story.AppendAsync(store, epoch, ++last, length + i)).ToList());
                    break;
            }
        }

        story.Stop = story.Log.Count;
        await store.DisposeAsync();
        return story;
    }

    private async Task AppendAsync(VolumeStore store, long epoch, ulong key, int length)
    {
        byte[] bytes = StoreKit.Bytes(length, (int)key);
        _tried.Add(key, bytes);
        Assert.That(await store.AppendAsync(1, epoch, key, bytes), Is.EqualTo(ChunkStatus.Ok));
        _acknowledged.Add((Log.Count, key, false));
    }
}
