using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.FileServer;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

[TestFixture]
internal sealed class MetadataCacheTests
{
    [Test]
    public void What_was_put_is_there_until_it_is_forgotten()
    {
        var cache = new MetadataCache(1 << 20);
        Put(cache, "/a/b", 1);
        Put(cache, "/a/c", 2);

        Assert.That(Version(cache, "/a/b"), Is.EqualTo(1));
        cache.Forget("/a/b");
        Assert.That((Version(cache, "/a/b"), Version(cache, "/a/c")), Is.EqualTo(((ulong?)null, (ulong?)2)));
    }

    [Test]
    public void A_tree_takes_everything_beneath_and_nothing_beside_it()
    {
        var cache = new MetadataCache(1 << 20);
        foreach (string path in new[] { "/a", "/a/b", "/a/b/c", "/ab", "/ab/c", "/b/a" })
        {
            Put(cache, path, 1);
        }

        cache.ForgetTree("/a");

        Assert.That(
            new[] { "/a", "/a/b", "/a/b/c", "/ab", "/ab/c", "/b/a" }.Where(path => Version(cache, path) is not null),
            Is.EqualTo(new[] { "/ab", "/ab/c", "/b/a" }));
        Put(cache, "/a/b", 2);
        Assert.That(Version(cache, "/a/b"), Is.EqualTo(2), "what is read afterwards is kept again");
    }

    [Test]
    public void The_root_takes_everything()
    {
        var cache = new MetadataCache(1 << 20);
        Put(cache, "/a", 1);
        cache.ForgetTree("/");

        Assert.That((Version(cache, "/a"), cache.Count, cache.Bytes), Is.EqualTo(((ulong?)null, 0, 0L)));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void What_was_read_before_an_invalidation_and_arrives_after_it_is_not_kept(bool tree)
    {
        var cache = new MetadataCache(1 << 20);
        long begun = cache.Begin();
        if (tree)
        {
            cache.ForgetTree("/d");
        }
        else
        {
            cache.Forget("/d/f");
        }

        cache.Put("/d/f", Entry("/d/f", 1), begun, readAt: 0);
        cache.Put("/e/f", Entry("/e/f", 1), begun, readAt: 0);

        Assert.That((Version(cache, "/d/f"), Version(cache, "/e/f")), Is.EqualTo(((ulong?)null, (ulong?)1)));
    }

    [Test]
    public void Of_two_reads_the_one_that_began_later_stays()
    {
        var cache = new MetadataCache(1 << 20);
        long early = cache.Begin();
        cache.Forget("/other");
        long late = cache.Begin();
        cache.Put("/f", Entry("/f", 2), late, readAt: 0);
        cache.Put("/f", Entry("/f", 1), early, readAt: 0);

        Assert.That(Version(cache, "/f"), Is.EqualTo(2));
    }

    [Test]
    public void Memory_is_bounded_and_the_least_recently_used_go_first()
    {
        var cache = new MetadataCache(100_000);
        for (int i = 0; i < 10_000; i++)
        {
            Put(cache, $"/f{i}", 1);
            _ = Version(cache, "/f0");
            Assert.That(cache.Bytes, Is.LessThanOrEqualTo(100_000));
        }

        Assert.That(Version(cache, "/f0"), Is.Not.Null, "used all the time");
        Assert.That(Version(cache, "/f9999"), Is.Not.Null);
        Assert.That(Version(cache, "/f1"), Is.Null);
        Assert.That(cache.Count, Is.InRange(50, 300));
    }

    [Test]
    public void Contents_and_manifests_count_and_what_is_larger_than_the_cache_is_not_kept()
    {
        var cache = new MetadataCache(50_000);
        MetadataEntry large = Entry("/large", 1) with { Content = new byte[60_000] };
        Put(cache, "/large", 1);
        cache.Put("/large", large, cache.Begin(), 0);
        MetadataEntry chunks = Entry("/chunks", 1) with
        {
            Manifest = [.. Enumerable.Range(0, 1000).Select(i => new ChunkReference(new VolumeId(i), new ChunkKey((ulong)i), 1, 1))],
        };
        cache.Put("/chunks", chunks, cache.Begin(), 0);

        Assert.That(Version(cache, "/large"), Is.Null);
        Assert.That(cache.Bytes, Is.InRange(24_000, 26_000));
    }

    [Test]
    public void A_cache_of_no_bytes_keeps_nothing()
    {
        var cache = new MetadataCache(0);
        Put(cache, "/a", 1);

        Assert.That(Version(cache, "/a"), Is.Null);
    }

    [Test]
    public void More_invalidated_trees_than_are_remembered_forget_everything()
    {
        var cache = new MetadataCache(1 << 20);
        Put(cache, "/other", 1);
        Put(cache, "/t0/f", 1);
        for (int i = 0; i < 1024; i++)
        {
            cache.ForgetTree($"/t{i}");
        }

        Assert.That(Version(cache, "/other"), Is.Not.Null);
        cache.ForgetTree("/t1024");
        Assert.That((Version(cache, "/other"), cache.Count), Is.EqualTo(((ulong?)null, 0)));
    }

    private static void Put(MetadataCache cache, string path, ulong version) =>
        cache.Put(path, Entry(path, version), cache.Begin(), readAt: 0);

    private static ulong? Version(MetadataCache cache, string path) =>
        cache.TryGet(path, out MetadataEntry? entry, out _) ? ((BigFsFile)entry.Entry).Version.Value : null;

    private static MetadataEntry Entry(string path, ulong version) =>
        new(new BigFsFile { Path = path, Version = new BigFsVersion(version) }, []);
}
