using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    private static readonly string[] Tree =
    [
        "a", "a/b", "a/b/c", "a/b/d", "a/z", "a b", "a!", "b", "b/\u00E9", "b/\U0001F600", "b/\uFFFD", "c", "e\u0301", "\u00E9",
    ];

    [Test]
    public async Task A_recursive_listing_is_in_the_order_of_paths_and_comes_in_pages_of_any_size()
    {
        BigFsPath[] paths = await MakeTreeAsync("/t");

        for (int limit = 1; limit <= paths.Length + 1; limit++)
        {
            Assert.That(await PagesAsync(Recursive("/t") with { Limit = limit }), Is.EqualTo(paths), $"pages of {limit}");
        }

        Assert.That(
            await PagesAsync(Recursive("/") with { Limit = 4 }), Is.EqualTo([(BigFsPath)"/t", .. paths]), "from the root");
    }

    [Test]
    public async Task A_recursive_listing_begins_after_any_place_and_keeps_to_a_prefix()
    {
        BigFsPath[] paths = await MakeTreeAsync("/t");
        string[] places =
        [
            .. Tree, "", "0", "a/", "a/a", "a/b/c/x", "a/b/cc", "a/b/zz", "a/zz", "aa", "a/b/c/d/e/f/g", "b/\u00E8", "zzz", "f/f",
        ];
        foreach (string place in places)
        {
            BigFsPath[] expected = [.. paths.Where(path => ComesAfter(path, place))];

            Assert.That(
                await PagesAsync(Recursive("/t") with { After = place, Limit = 3 }), Is.EqualTo(expected), $"after \"{place}\"");
        }

        Assert.That(
            await PagesAsync(Recursive("/t") with { Prefix = "a", Limit = 2 }),
            Is.EqualTo(paths.Where(path => path.Segments[1].StartsWith('a'))));
        Assert.That(
            await PagesAsync(Recursive("/t") with { Prefix = "a", After = "a/b/c", Limit = 2 }),
            Is.EqualTo(paths.Where(path => path.Segments[1].StartsWith('a') && ComesAfter(path, "a/b/c"))));
        Assert.That(await PagesAsync(Recursive("/t") with { Prefix = "c", After = "a/b" }), Is.EqualTo([(BigFsPath)"/t/c"]));
        Assert.That(await PagesAsync(Recursive("/t") with { Prefix = "a", After = "b/x" }), Is.Empty);

        static bool ComesAfter(BigFsPath path, string place)
        {
            string[] names = [.. path.Segments.Skip(1)], others = place.Length == 0 ? [] : place.Split('/');
            for (int i = 0; i < Math.Min(names.Length, others.Length); i++)
            {
                int order = BigFsPath.CompareNames(names[i], others[i]);
                if (order != 0)
                {
                    return order > 0;
                }
            }

            return names.Length > others.Length;
        }
    }

    [Test]
    public async Task A_place_survives_what_is_made_and_removed_meanwhile([Values] bool recursive)
    {
        for (int i = 0; i < 30; i++)
        {
            await Store.PutAsync(recursive ? $"/d/{i / 10}/{i:00}" : $"/d/{i:00}");
        }

        var listing = new MetadataListRequest { Directory = "/d", Limit = 5, Recursive = recursive };
        var seen = new List<string>();
        string? place = "";
        int round = 0;
        do
        {
            MetadataPage page = await Store.ListAsync(listing with { After = place }, None);
            seen.AddRange(page.Entries.OfType<BigFsFile>().Select(file => file.Path.Name));
            place = page.Next;
            if (page.Entries is [.., BigFsFile last])
            {
                // The entry that the place names, and one before it, go; one comes right after it, and one before.
                await Store.DeleteAsync(last.Path);
                await Store.PutAsync(last.Path.Parent / (last.Path.Name + "x"));
                await Store.PutAsync(last.Path.Parent / $"!{round++}");
            }
        }
        while (place is not null);

        Assert.That(seen.Where(name => name.Length == 2 && name[0] != '!'), Is.EqualTo(Enumerable.Range(0, 30).Select(i => $"{i:00}")));
        Assert.That(seen, Is.Unique);
        Assert.That(round, Is.GreaterThan(3));
    }

    [Test]
    public async Task A_place_outlives_the_directories_that_it_names()
    {
        await MakeTreeAsync("/t");
        MetadataPage page = await Store.ListAsync(Recursive("/t") with { Limit = 3 }, None);
        Assert.That(page.Entries[^1].Path, Is.EqualTo((BigFsPath)"/t/a/b/c"));
        await Store.DeleteAsync("/t/a", recursive: true);

        Assert.That(
            await PagesAsync(Recursive("/t") with { After = page.Next! }),
            Is.EqualTo(new BigFsPath[] { "/t/a b", "/t/a!", "/t/b", "/t/b/\u00E9", "/t/b/\uFFFD", "/t/b/\U0001F600", "/t/c", "/t/e\u0301", "/t/\u00E9" }));
    }

    [Test]
    public async Task A_page_ends_at_its_bytes_and_holds_one_entry_at_least([Values] bool recursive)
    {
        ImmutableSortedDictionary<string, string> notes =
            ImmutableSortedDictionary<string, string>.Empty.Add("k", new string('v', 8000));
        for (int i = 0; i < 12; i++)
        {
            await Store.CommitFileAsync(SmallFile($"/d/{i:00}") with { Metadata = notes }, None);
        }

        var listing = new MetadataListRequest { Directory = "/d", MaxBytes = 30_000, Recursive = recursive };
        MetadataPage page = await Store.ListAsync(listing, None);
        Assert.That((page.Entries.Length, page.Next is null), Is.EqualTo((3, false)));
        Assert.That((await PagesAsync(listing)).Length, Is.EqualTo(12));
        Assert.That((await Store.ListAsync(listing with { MaxBytes = 1 }, None)).Entries, Has.Length.EqualTo(1));
        Assert.That((await PagesAsync(listing with { MaxBytes = 1 })).Length, Is.EqualTo(12));
        await Refused(BigFsErrorCode.InvalidArgument, () => Store.ListAsync(listing with { MaxBytes = 0 }, None), "0 bytes");
        await Refused(
            BigFsErrorCode.InvalidArgument, () => Store.ListAsync(listing with { MaxBytes = Limits.MaxPageBytes + 1 }, None), "4194305");
    }

    [Test]
    public async Task Pages_are_full_unless_it_is_the_last_one()
    {
        await Task.WhenAll(Enumerable.Range(0, 2500).Select(i => Store.PutAsync($"/d/{i:0000}")));

        foreach (bool recursive in (bool[])[false, true])
        {
            var listing = new MetadataListRequest { Directory = "/d", Limit = 2500, Recursive = recursive };
            MetadataPage all = await Store.ListAsync(listing, None);
            Assert.That((all.Entries.Length, all.Next), Is.EqualTo((2500, (string?)null)));
            MetadataPage most = await Store.ListAsync(listing with { Limit = 2499 }, None);
            Assert.That((most.Entries.Length, most.Next is null), Is.EqualTo((2499, false)));
        }
    }

    [Test]
    public async Task What_a_move_brought_too_deep_is_said_and_comes_back_with_another_move()
    {
        string below = string.Concat(Enumerable.Repeat("/d", BigFsPath.MaxDepth - 2));
        await Store.MakeDirectoryAsync("/a" + below);
        await Store.MakeDirectoryAsync("/b/b/b");
        await Store.MoveAsync("/a", "/b/b/b/a");

        await Refused(BigFsErrorCode.InvalidPath, () => PagesAsync(Recursive("/")), "levels");

        await Store.MoveAsync("/b/b/b/a", "/a");
        Assert.That(await PagesAsync(Recursive("/a")), Has.Length.EqualTo(BigFsPath.MaxDepth - 2));
    }

    private static MetadataListRequest Recursive(BigFsPath directory) => new() { Directory = directory, Recursive = true };

    private static CommitFileRequest SmallFile(BigFsPath path) =>
        new() { Operation = Guid.NewGuid(), Path = path, Size = 0, Crc32C = 0 };

    private async Task<BigFsPath[]> MakeTreeAsync(string top)
    {
        foreach (string path in Tree)
        {
            if (Array.Exists(Tree, other => other.StartsWith(path + "/", StringComparison.Ordinal)))
            {
                await Store.MakeDirectoryAsync($"{top}/{path}");
            }
            else
            {
                await Store.PutAsync($"{top}/{path}");
            }
        }

        return [.. Tree.Select(path => (BigFsPath)$"{top}/{path}").Order()];
    }

    /// <summary>All of a listing, page by page.</summary>
    private async Task<BigFsPath[]> PagesAsync(MetadataListRequest listing)
    {
        var paths = new List<BigFsPath>();
        MetadataListRequest next = listing;
        while (true)
        {
            MetadataPage page = await Store.ListAsync(next, None);
            paths.AddRange(page.Entries.Select(entry => entry.Path));
            if (page.Next is null)
            {
                return [.. paths];
            }

            Assert.That(page.Entries, Is.Not.Empty, "a page with a next one is not empty");
            next = listing with { After = page.Next! };
        }
    }
}
