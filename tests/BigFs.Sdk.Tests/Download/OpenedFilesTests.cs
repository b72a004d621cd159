using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Internal.Download;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Sdk.Tests.Download;

internal sealed class OpenedFilesTests
{
    private static readonly NodeAddress Node = new(new NodeId(Guid.NewGuid()), "node:1");

    private readonly FakeTimeProvider _time = new();

    [Test]
    public void What_is_put_is_got_until_it_is_too_old_or_forgotten()
    {
        var files = new OpenedFiles(1 << 20, _time);
        OpenedFile first = Opened("/a", 1), second = Opened("/b", 1);
        files.Put(first);
        files.Put(second);

        Assert.That(files.TryGet("/a", out OpenedFile? found), Is.True);
        Assert.That(found!.File, Is.SameAs(first.File));
        files.Forget("/a");
        Assert.That(files.TryGet("/a", out _), Is.False);
        _time.Advance(OpenedFiles.MostAge);
        Assert.That(files.TryGet("/b", out _), Is.False);
        Assert.That(files.Bytes, Is.Zero);
    }

    [Test]
    public void The_least_recently_used_go_when_the_memory_is_used_up()
    {
        var files = new OpenedFiles(64 << 10, _time);
        for (int i = 0; i < 1000; i++)
        {
            files.Put(Opened($"/{i}", 1));
            Assert.That(files.TryGet("/0", out _), Is.True);
            Assert.That(files.Bytes, Is.LessThanOrEqualTo(64 << 10));
        }

        Assert.That(files.TryGet("/999", out _), Is.True);
        Assert.That(files.TryGet("/1", out _), Is.False);
    }

    [Test]
    public void Files_of_one_volume_share_its_place_until_it_changes()
    {
        var files = new OpenedFiles(1 << 20, _time);
        files.Put(Opened("/a", 1));
        files.Put(Opened("/b", 1));
        files.Put(Opened("/c", 2));

        Assert.That(Place("/b"), Is.SameAs(Place("/a")));
        Assert.That((Place("/a").Epoch, Place("/c").Epoch), Is.EqualTo((1, 2)));

        VolumeLocation Place(BigFsPath path) => files.TryGet(path, out OpenedFile? opened) ? opened.Locations[0] : throw new AssertionException("it is gone");
    }

    [Test]
    public void What_cannot_be_guessed_is_not_kept_and_ends_what_was()
    {
        OpenedFile whole = Opened("/a", 1);
        ChunkReference chunk = whole.Manifest[0];
        OpenedFile[] others =
        [
            whole with { Manifest = [] },
            whole with { Manifest = [chunk, chunk] },
            whole with { Chunks = 2 },
            whole with { Locations = [] },
            whole with { Locations = [whole.Locations[0] with { Volume = new VolumeId(8) }] },
            whole with { Content = new byte[] { 1 } },
            whole with { File = whole.File with { Size = OpenedFiles.LargestFile + 1 } },
        ];
        foreach (OpenedFile other in others)
        {
            var files = new OpenedFiles(1 << 20, _time);
            files.Put(whole);
            files.Put(other);
            Assert.That(files.TryGet("/a", out _), Is.False, other.ToString());
            Assert.That(files.Bytes, Is.Zero);
        }
    }

    private static OpenedFile Opened(BigFsPath path, long epoch) => new()
    {
        File = new BigFsFile { Path = path, Version = new BigFsVersion(7), Size = 10, Crc32C = 1 },
        Manifest = [new ChunkReference(new VolumeId(3), ChunkKey.Create(1, 1), 10, 1)],
        Locations = [new VolumeLocation { Volume = new VolumeId(3), Epoch = epoch, Members = [Node], Capability = ImmutableArray.Create<byte>(1, 2) }],
        Chunks = 1,
    };
}
