using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>The index in memory beside a sorted dictionary.</summary>
[TestFixture]
public sealed class ChunkMapTests
{
    /// <summary>Keys close together, in rising order, at random, and at the ends of the range.</summary>
    private static readonly Gen<ulong> Keys = Gen.Frequency(
        (4, Gen.ULong[0, 2000]), (2, Gen.ULong), (1, Gen.ULong[ulong.MaxValue - 2, ulong.MaxValue]));

    [Test]
    public void It_holds_what_a_sorted_dictionary_holds() =>
        Gen.Select(Keys.Array[0, 1500], Keys.Array[1, 10], Gen.Int[1, 700]).Sample(
            (keys, firsts, most) =>
            {
                var map = new ChunkMap();
                var model = new SortedDictionary<ulong, IndexEntry>();
                for (int i = 0; i < keys.Length; i++)
                {
                    var entry = IndexEntry.Chunk(keys[i], 4096 + i, i, (uint)i);
                    map.Put(entry);
                    model[keys[i]] = entry;
                }

                Assert.That(map.Count, Is.EqualTo(model.Count));
                Assert.That(map.Entries(), Is.EqualTo(model.Values));
                foreach (ulong first in firsts)
                {
                    var page = new IndexEntry[most];
                    int count = map.CopyFrom(first, page);
                    Assert.That(
                        page.Take(count), Is.EqualTo(model.Values.Where(entry => entry.Key >= first).Take(most)));
                    Assert.That(map.TryGet(first, out IndexEntry found), Is.EqualTo(model.ContainsKey(first)));
                    Assert.That(found, Is.EqualTo(model.GetValueOrDefault(first)));
                }
            },
            iter: 300);

    [Test]
    public void A_million_entries_take_less_than_forty_bytes_each([Values] bool isRising)
    {
        var random = new Random(1);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var map = new ChunkMap();
        for (int i = 0; i < 1_000_000; i++)
        {
            map.Put(IndexEntry.Chunk(isRising ? (ulong)i : (ulong)random.NextInt64(), 4096, 1, 1));
        }

        double each = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)map.Count;

        Assert.That(each, Is.LessThan(isRising ? 26 : 40));
        GC.KeepAlive(map);
    }
}
