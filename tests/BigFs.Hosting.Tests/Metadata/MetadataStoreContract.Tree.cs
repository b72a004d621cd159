using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    [Test]
    public async Task The_root_is_there_and_stays()
    {
        Assert.That((await Store.FindAsync("/"))!.Entry, Is.InstanceOf<BigFsDirectory>());
        Assert.That(await Store.NamesAsync("/"), Is.Empty);
        await Store.MakeDirectoryAsync("/");
        await Refused(BigFsErrorCode.InvalidPath, Store.DeleteAsync("/", recursive: true));
        await Refused(BigFsErrorCode.InvalidPath, Store.MoveAsync("/", "/x"));
        await Store.MakeDirectoryAsync("/x");
        await Refused(BigFsErrorCode.InvalidPath, Store.MoveAsync("/x", "/", overwrite: true));
    }

    [Test]
    public async Task Directories_are_made_with_their_parents_and_twice_is_fine()
    {
        await Store.MakeDirectoryAsync("/a/b/c");
        await Store.MakeDirectoryAsync("/a/b/c");
        await Store.PutAsync("/a/f", Chunk(1));

        Assert.That((await Store.FindAsync("/a/b/c"))!.Entry.Created, Is.EqualTo(Time.GetUtcNow()));
        Assert.That(await Store.NamesAsync("/a"), Is.EqualTo(["b", "f"]));
        await Refused(BigFsErrorCode.NotDirectory, Store.MakeDirectoryAsync("/a/f"), "\"/a/f\" is a file");
        await Refused(BigFsErrorCode.NotDirectory, Store.MakeDirectoryAsync("/a/f/g/h"), "\"/a/f\" is a file");
    }

    [Test]
    public async Task Names_are_bytes_ordered_and_never_normalised()
    {
        string[] names = ["\U0001F600", "\uFFFD", "a", "A", "\u00E9", "e\u0301", "a b", "a%"];
        foreach (string name in names)
        {
            await Store.PutAsync(BigFsPath.Root / name);
        }

        Array.Sort(names, BigFsPath.CompareNames);
        Assert.That(await Store.NamesAsync("/"), Is.EqualTo(names));
    }

    [Test]
    public async Task A_listing_goes_on_after_a_name_and_keeps_to_a_prefix()
    {
        foreach (string name in (string[])["b1", "b", "a", "c", "b2", "b\u00FF", "b10"])
        {
            await Store.PutAsync(BigFsPath.Root / name);
        }

        Assert.That(await Store.NamesAsync("/", prefix: "b"), Is.EqualTo(["b", "b1", "b10", "b2", "b\u00FF"]));
        Assert.That(await Store.NamesAsync("/", after: "b1", prefix: "b"), Is.EqualTo(["b10", "b2", "b\u00FF"]));
        Assert.That(await Store.NamesAsync("/", after: "a", prefix: "b1"), Is.EqualTo(["b1", "b10"]));
        Assert.That(await Store.NamesAsync("/", after: "b9"), Is.EqualTo(["b\u00FF", "c"]));
        Assert.That(await Store.NamesAsync("/", after: "c", prefix: "b"), Is.Empty);

        MetadataPage page = await Store.ListAsync(new MetadataListRequest { Directory = "/", Limit = 2 }, None);
        Assert.That((page.Entries.Length, page.Next is null), Is.EqualTo((2, false)));
        page = await Store.ListAsync(new MetadataListRequest { Directory = "/", After = "b2", Limit = 2 }, None);
        Assert.That((page.Entries.Length, page.Next), Is.EqualTo((2, (string?)null)));
    }

    [Test]
    public async Task A_listing_refuses_what_is_no_directory_and_pages_without_bounds()
    {
        await Store.PutAsync("/f");
        await Refused(BigFsErrorCode.NotFound, List("/x"), "/x");
        await Refused(BigFsErrorCode.NotDirectory, List("/f"), "/f");
        await Refused(BigFsErrorCode.NotDirectory, List("/f/g"), "\"/f\" is a file");
        await Refused(BigFsErrorCode.InvalidArgument, async () => await List("/", 0), "0 entries");
        await Refused(BigFsErrorCode.InvalidArgument, async () => await List("/", Limits.MaxPageSize + 1), "10001");

        ValueTask<MetadataPage> List(BigFsPath path, int limit = 10) =>
            Store.ListAsync(new MetadataListRequest { Directory = path, Limit = limit }, None);
    }

    [Test]
    public async Task A_file_is_deleted_and_its_chunks_follow_after_the_read_lease()
    {
        BigFsFile file = await Store.PutAsync("/d/f", Chunk(1), Chunk(2));
        await Refused(BigFsErrorCode.PreconditionFailed, Store.DeleteAsync("/d/f", version: default(BigFsVersion)));
        await Refused(BigFsErrorCode.PreconditionFailed, Store.DeleteAsync("/d", true, file.Version), "directory");

        Assert.That(await Store.DeleteAsync("/d/f", version: file.Version), Is.True);
        Assert.That(await Store.DeleteAsync("/d/f"), Is.False);
        Assert.That(await Store.DeleteAsync("/x/y"), Is.False);
        Assert.That(await Store.FindAsync("/d/f"), Is.Null);

        Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty);
        Time.Advance(TimeSpan.FromTicks(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL, 2UL]));
    }

    [Test]
    public async Task A_directory_with_entries_is_deleted_only_when_asked_with_all_it_holds()
    {
        await Store.PutAsync("/t/f", Chunk(1));
        await Task.WhenAll(Enumerable.Range(0, 600).Select(i => Store.PutAsync($"/t/many/{i}", Chunk(10 + (ulong)i))));
        await Store.PutAsync("/t/deep/er/big", Chunks(1000, 100));
        await Refused(BigFsErrorCode.DirectoryNotEmpty, Store.DeleteAsync("/t"), "/t");

        Assert.That(await Store.DeleteAsync("/t", recursive: true), Is.True);
        Assert.That(await Store.FindAsync("/t/many/7"), Is.Null);
        await Store.PutAsync("/t/many/7", Chunk(9999));
        Assert.That(await Store.NamesAsync("/t"), Is.EqualTo(["many"]), "a new tree holds nothing of the old one");

        Time.Advance(TimeSpan.FromHours(1));
        await UntilAsync(async () => (await Tombstones.DueKeysAsync()).Length >= 701, "701 tombstones are due");
        ulong[] expected = [1, .. Enumerable.Range(10, 600).Select(i => (ulong)i), .. Enumerable.Range(1000, 100).Select(i => (ulong)i)];
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(expected));
        Assert.That((await Store.FindAsync("/t/many/7"))!.Manifest, Is.EqualTo([Chunk(9999)]));
    }

    [Test]
    public async Task An_empty_directory_is_deleted_unasked()
    {
        await Store.MakeDirectoryAsync("/d/e");

        Assert.That(await Store.DeleteAsync("/d/e"), Is.True);

        Assert.That(await Store.NamesAsync("/d"), Is.Empty);
    }

    [Test]
    public async Task Files_and_directories_move_with_their_version_and_contents()
    {
        BigFsFile file = await Store.PutAsync("/a/f", Chunks(1, 100));
        BigFsEntry renamed = await Store.MoveAsync("/a/f", "/a/g");
        Assert.That(renamed, Is.EqualTo(file with { Path = "/a/g", Metadata = ((BigFsFile)renamed).Metadata }));

        BigFsEntry moved = await Store.MoveAsync("/a", "/new/parents/b");

        Assert.That(moved, Is.InstanceOf<BigFsDirectory>());
        Assert.That(await Store.FindAsync("/a"), Is.Null);
        MetadataEntry found = (await Store.FindAsync("/new/parents/b/g"))!;
        Assert.That(((BigFsFile)found.Entry).Version, Is.EqualTo(file.Version));
        Assert.That(found.Manifest, Is.EqualTo(Chunks(1, 100)));
    }

    [Test]
    public async Task A_move_onto_a_file_replaces_it_only_when_asked()
    {
        await Store.PutAsync("/from", Chunk(1));
        await Store.PutAsync("/to", Chunk(2));
        await Refused(BigFsErrorCode.AlreadyExists, Store.MoveAsync("/from", "/to"), "/to");

        await Store.MoveAsync("/from", "/to", overwrite: true);

        Assert.That((await Store.FindAsync("/to"))!.Manifest, Is.EqualTo([Chunk(1)]));
        Assert.That(await Store.NamesAsync("/"), Is.EqualTo(["to"]));
        Time.Advance(TimeSpan.FromHours(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([2UL]));
    }

    [Test]
    public async Task A_move_refuses_what_makes_no_sense_and_then_changes_nothing()
    {
        await Store.PutAsync("/d/f", Chunk(1));
        await Store.PutAsync("/g", Chunk(2));
        await Refused(BigFsErrorCode.NotFound, Store.MoveAsync("/x", "/y"), "/x");
        await Refused(BigFsErrorCode.NotFound, Store.MoveAsync("/x", "/x"), "/x");
        await Refused(BigFsErrorCode.InvalidPath, Store.MoveAsync("/d", "/d/e/f"), "/d/e/f");
        await Refused(BigFsErrorCode.AlreadyExists, Store.MoveAsync("/g", "/d", overwrite: true), "/d");
        await Refused(BigFsErrorCode.AlreadyExists, Store.MoveAsync("/d/f", "/d", overwrite: true), "/d");
        await Refused(BigFsErrorCode.NotDirectory, Store.MoveAsync("/d", "/g", overwrite: true), "/g");
        await Refused(BigFsErrorCode.NotDirectory, Store.MoveAsync("/d", "/g/h"), "\"/g\" is a file");

        Assert.That((await Store.MoveAsync("/d", "/d")).Path, Is.EqualTo((BigFsPath)"/d"));
        Assert.That((await Store.MoveAsync("/g", "/g", overwrite: true)).Path, Is.EqualTo((BigFsPath)"/g"));
        Assert.That(await Store.NamesAsync("/"), Is.EqualTo(["d", "g"]));
        Assert.That(await Store.NamesAsync("/d"), Is.EqualTo(["f"]));
    }

    [Test]
    public async Task Deletes_and_moves_that_come_again_get_their_first_answer()
    {
        await Store.PutAsync("/a", Chunk(1));
        var move = new MoveRequest { Operation = Guid.NewGuid(), Source = "/a", Destination = "/b" };
        var delete = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/b" };
        var tooEarly = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/later" };
        BigFsEntry moved = await Store.MoveAsync(move, None);
        Assert.That(await Store.DeleteAsync(delete, None), Is.True);
        Assert.That(await Store.DeleteAsync(tooEarly, None), Is.False);
        await Store.PutAsync("/a", Chunk(2));
        await Store.PutAsync("/b", Chunk(3));
        await Store.PutAsync("/later", Chunk(4));

        BigFsEntry again = await Store.MoveAsync(move, None);
        Assert.That(again, Is.EqualTo((BigFsFile)moved with { Metadata = ((BigFsFile)again).Metadata }));
        Assert.That(await Store.DeleteAsync(delete, None), Is.True);
        Assert.That(await Store.DeleteAsync(tooEarly, None), Is.False);
        Assert.That(await Store.NamesAsync("/"), Is.EqualTo(["a", "b", "later"]), "the retries changed nothing");
        await Refused(BigFsErrorCode.InvalidArgument, Store.CreateDirectoryAsync(delete.Operation, "/d", None), "operation");
    }

    [Test]
    public async Task Answers_are_forgotten_after_their_retention()
    {
        var delete = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/a" };
        Assert.That(await Store.DeleteAsync(delete, None), Is.False);
        await Store.PutAsync("/a", Chunk(1));
        await UntilAsync(
            async () =>
            {
                Time.Advance(TimeSpan.FromMinutes(2));
                return await Store.DeleteAsync(delete, None);
            },
            "the operation is judged anew");
    }

    [Test]
    public async Task Incarnations_are_given_once()
    {
        long[] given = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => Store.NextIncarnationAsync(None).AsTask()));

        Assert.That(given.Order(), Is.EqualTo(Enumerable.Range(1, 20).Select(i => (long)i)));
    }

    [Test]
    public async Task A_namespace_belongs_to_one_cluster()
    {
        IMetadataIdentity identity = Identity;
        var cluster = Guid.NewGuid();

        await identity.AdoptClusterIdAsync(cluster, None);
        await identity.AdoptClusterIdAsync(cluster, None);

        await Refused(BigFsErrorCode.WrongCluster, identity.AdoptClusterIdAsync(Guid.NewGuid(), None), cluster.ToString("N"));
    }
}
