using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>Equal sets have equal digests, wherever and in whatever order they are kept; other sets have others.</summary>
[TestFixture]
public sealed class VolumeDigestTests
{
    [Test]
    public async Task Replicas_with_the_same_chunks_have_the_same_digest_however_they_came_to_them()
    {
        using MemoryDisk here = new(), there = new();
        await using VolumeStore one = await StoreKit.OpenAsync(here), other = await StoreKit.OpenAsync(there);
        await FillAsync(one, Enumerable.Range(1, 5000));
        await FillAsync(other, Enumerable.Range(1, 5000).Reverse());
        foreach (VolumeStore store in new[] { one, other })
        {
            await store.FenceAsync(1, 2);
            await store.SealAsync(1, 2);
        }

        await one.DeleteAsync(1, 70, 7000);
        Assert.That(await DigestAsync(one), Is.Not.EqualTo(await DigestAsync(other)));
        await other.DeleteAsync(1, 7000);
        await other.DeleteAsync(1, 70);
        VolumeDigest digest = await DigestAsync(one);
        Assert.That(await DigestAsync(other), Is.EqualTo(digest));
        Assert.That(digest.Chunks, Is.EqualTo(4999));
        Assert.That(digest, Is.EqualTo(VolumeDigest.Of(await one.ListAsync(1))));

        Assert.That(await other.CompactAsync(new VolumeId(1), default), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await DigestAsync(other), Is.EqualTo(digest), "compacted");
        await one.DisposeAsync();
        await using VolumeStore again = await StoreKit.OpenAsync(here);
        Assert.That(await DigestAsync(again), Is.EqualTo(digest), "started again");
    }

    [Test]
    public void Every_field_counts()
    {
        var chunk = new StoredChunkInfo(new ChunkKey(1), 10, 20, false);
        StoredChunkInfo[] all =
        [
            chunk,
            chunk with { Key = new ChunkKey(2) },
            chunk with { Length = 11 },
            chunk with { Crc32C = 21 },
            chunk with { Deleted = true },
        ];
        Assert.That(all.Select(one => VolumeDigest.Of([one])).Append(VolumeDigest.Of([])), Is.Unique);
        Assert.That(
            VolumeDigest.Of([chunk]).Live,
            Is.EqualTo("40d94046eaefcc3a5c1635c01ee378b045f9321083e0076046d603e6ee2078c3"),
            "the form is fixed: nodes of different versions compare");
    }

    [Test]
    public async Task A_volume_that_is_not_there_has_no_digest()
    {
        using var disk = new MemoryDisk();
        await using VolumeStore store = await StoreKit.OpenAsync(disk);
        Assert.That(await store.DigestAsync(new VolumeId(1), default), Is.EqualTo((ChunkStatus.VolumeNotFound, (VolumeDigest?)null)));
    }

    private static async Task FillAsync(VolumeStore store, IEnumerable<int> keys)
    {
        await store.OpenVolumeAsync(1);
        await Task.WhenAll(keys.Select(key => store.AppendAsync(1, 1, (ulong)key, StoreKit.Bytes(20, key))));
    }

    private static async Task<VolumeDigest> DigestAsync(VolumeStore store)
    {
        (ChunkStatus status, VolumeDigest? digest) = await store.DigestAsync(new VolumeId(1), default);
        Assert.That(status, Is.EqualTo(ChunkStatus.Ok));
        return digest!;
    }
}
