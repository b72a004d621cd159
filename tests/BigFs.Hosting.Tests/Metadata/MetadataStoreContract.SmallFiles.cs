using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    [Test]
    public async Task Many_small_files_share_a_session()
    {
        UploadSession session = await Store.BeginSharedAsync(new BeginSharedRequest(Guid.NewGuid(), 3), None);

        BigFsFile first = await CommitFileAsync(session.Id, "/a/one", Chunk(1));
        BigFsFile second = await CommitFileAsync(session.Id, "/a/two", Chunk(2));

        Assert.That((first.Replicas, first.Size, first.Path), Is.EqualTo((3, 100L, (BigFsPath)"/a/one")));
        Assert.That((await Store.FindAsync("/a/one"))!.Manifest, Is.EqualTo([Chunk(1)]));
        Assert.That((await Store.FindAsync("/a/two"))!.Manifest, Is.EqualTo([Chunk(2)]));
        Assert.That(second.Version, Is.Not.EqualTo(first.Version));
    }

    [Test]
    public async Task A_small_file_replaces_as_any_and_buries_what_was_tried_in_vain()
    {
        UploadSession session = await BeginSharedAsync();
        await CommitFileAsync(session.Id, "/a", Chunk(1));

        await Store.CommitFileAsync(Small(session.Id, "/a", Chunk(2)) with { Discarded = [Chunk(7)] }, None);

        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(new ulong[] { 7 }), "readers of the old version have their lease");
        Time.Advance(TimeSpan.FromHours(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(new ulong[] { 1, 7 }));
    }

    [Test]
    public async Task The_same_operation_again_gets_the_first_answer_and_replaces_nothing()
    {
        UploadSession session = await BeginSharedAsync();
        CommitFileRequest request = Small(session.Id, "/a", Chunk(1)) with { ContentType = "text/plain" };
        BigFsFile first = await Store.CommitFileAsync(request, None);
        Time.Advance(TimeSpan.FromMinutes(1));

        BigFsFile again = await Store.CommitFileAsync(request, None);

        Assert.That(again, Is.EqualTo(first with { Metadata = again.Metadata }));
        Time.Advance(TimeSpan.FromHours(1.5));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty, "its own chunk is the file's");
        Assert.That((await Store.FindAsync("/a"))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task Preconditions_hold_at_the_commit_of_a_small_file()
    {
        UploadSession session = await BeginSharedAsync();
        BigFsFile file = await CommitFileAsync(session.Id, "/a/b", Chunk(1));
        CommitFileRequest request = Small(session.Id, "/a/b", Chunk(2));

        await Refused(BigFsErrorCode.AlreadyExists, Store.CommitFileAsync(request with { Precondition = Absent }, None));
        await Refused(
            BigFsErrorCode.PreconditionFailed,
            Store.CommitFileAsync(request with { Precondition = VersionIs(new BigFsVersion(1)) }, None));
        await Refused(BigFsErrorCode.IsDirectory, Store.CommitFileAsync(request with { Path = "/a" }, None));
        await Refused(BigFsErrorCode.NotDirectory, Store.CommitFileAsync(request with { Path = "/a/b/c" }, None));
        await Refused(
            BigFsErrorCode.NotFound,
            Store.CommitFileAsync(request with { Path = "/x", Precondition = VersionIs(file.Version) }, None));
        await Store.CommitFileAsync(request with { Precondition = VersionIs(file.Version) }, None);
    }

    [Test]
    public async Task Commit_and_expiry_of_a_shared_session_exclude_each_other()
    {
        UploadSession session = await BeginSharedAsync();
        Time.Advance(session.TimeToLive - TimeSpan.FromTicks(1));
        CommitFileRequest inTime = Small(session.Id, "/in-time", Chunk(1));
        await Store.CommitFileAsync(inTime, None);
        Time.Advance(TimeSpan.FromTicks(1));

        await Refused(BigFsErrorCode.SessionExpired, Store.CommitFileAsync(Small(session.Id, "/late", Chunk(2)), None));
        await Refused(BigFsErrorCode.SessionExpired, Store.RenewUploadAsync(session.Id, None));

        Assert.That(await Store.FindAsync("/late"), Is.Null);
        Assert.That((await Store.CommitFileAsync(inTime, None)).Path, Is.EqualTo((BigFsPath)"/in-time"), "the first answer");
    }

    [Test]
    public async Task Renewals_end_with_the_retention_so_that_no_commit_outlives_its_record()
    {
        UploadSession session = await BeginSharedAsync();
        CommitFileRequest first = Small(session.Id, "/a", Chunk(1));
        await Store.CommitFileAsync(first, None);
        for (int i = 0; i < 14; i++)
        {
            Time.Advance(TimeSpan.FromMinutes(4));
            await Store.RenewUploadAsync(session.Id, None);
        }

        Time.Advance(TimeSpan.FromMinutes(4));

        await Refused(BigFsErrorCode.SessionExpired, Store.RenewUploadAsync(session.Id, None));
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitFileAsync(Small(session.Id, "/b", Chunk(2)), None));
    }

    [Test]
    public async Task A_small_file_that_was_given_up_is_not_committed_any_more()
    {
        UploadSession session = await BeginSharedAsync();
        CommitFileRequest late = Small(session.Id, "/a", Chunk(1));

        var abort = new AbortFileRequest { Operation = late.Operation, Session = session.Id, Written = [Chunk(1), Chunk(2)] };
        await Store.AbortFileAsync(abort, None);
        await Store.AbortFileAsync(abort, None);

        await Refused(BigFsErrorCode.SessionExpired, Store.CommitFileAsync(late, None), "/a");
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(new ulong[] { 1, 2 }));
        await CommitFileAsync(session.Id, "/other", Chunk(3));
    }

    [Test]
    public async Task Giving_up_after_the_commit_does_nothing()
    {
        UploadSession session = await BeginSharedAsync();
        CommitFileRequest request = Small(session.Id, "/a", Chunk(1));
        await Store.CommitFileAsync(request, None);

        await Store.AbortFileAsync(
            new AbortFileRequest { Operation = request.Operation, Session = session.Id, Written = [Chunk(1)] }, None);

        Time.Advance(TimeSpan.FromHours(2));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty);
        Assert.That((await Store.FindAsync("/a"))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task Each_kind_of_session_serves_its_own_commits()
    {
        UploadSession shared = await BeginSharedAsync();
        UploadSession own = await Store.BeginAsync("/own");

        await Refused(BigFsErrorCode.InvalidArgument, Store.CommitAsync(shared.Id, Chunk(1)));
        await Refused(BigFsErrorCode.InvalidArgument, Store.CommitFileAsync(Small(own.Id, "/x", Chunk(1)), None));
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitFileAsync(Small(Guid.NewGuid(), "/x", Chunk(1)), None));
        await Refused(
            BigFsErrorCode.InvalidArgument,
            async () => await Store.CommitFileAsync(Small(shared.Id, "/x", Chunk(1)) with { Session = null }, None));
        await Store.AbortUploadAsync(shared.Id, [], None);
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitFileAsync(Small(shared.Id, "/x", Chunk(1)), None));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(4096)]
    [TestCase(Limits.MaxInlineBytes)]
    public async Task Content_in_the_metadata_comes_back_and_goes_with_its_entry(int length)
    {
        byte[] content = Content(length);
        BigFsFile file = await Store.CommitFileAsync(Inline("/a/b", content), None);

        MetadataEntry found = (await Store.FindAsync("/a/b"))!;
        Assert.That(found.Content.ToArray(), Is.EqualTo(content));
        Assert.That((found.Manifest.Length, file.Size, file.Replicas), Is.EqualTo((0, (long)length, 2)));
        Assert.That((await Store.FindAsync("/a/b", withManifest: false, None))!.Content.IsEmpty, Is.True);

        byte[] next = Content(100);
        await Store.CommitFileAsync(Inline("/a/b", next), None);
        Assert.That((await Store.FindAsync("/a/b"))!.Content.ToArray(), Is.EqualTo(next));
        await Store.MoveAsync("/a/b", "/c");
        Assert.That((await Store.FindAsync("/c"))!.Content.ToArray(), Is.EqualTo(next));
        await Store.PutAsync("/c", Chunk(1));
        Assert.That((await Store.FindAsync("/c"))!.Content.IsEmpty, Is.True);
        await Store.DeleteAsync("/c");
        Time.Advance(TimeSpan.FromHours(2));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(new ulong[] { 1 }));
    }

    [Test]
    public async Task Content_beyond_the_limit_or_damaged_or_beside_chunks_is_refused()
    {
        await Refused(
            BigFsErrorCode.LimitExceeded,
            async () => await Store.CommitFileAsync(Inline("/a", Content(Limits.MaxInlineBytes + 1)), None),
            "65536");
        await Refused(
            BigFsErrorCode.InvalidArgument,
            async () => await Store.CommitFileAsync(Inline("/a", Content(9)) with { Crc32C = 1 }, None),
            "checksum");
        await Refused(
            BigFsErrorCode.InvalidArgument,
            async () => await Store.CommitFileAsync(Inline("/a", Content(9)) with { Size = 10 }, None));
        await Refused(
            BigFsErrorCode.InvalidArgument,
            async () => await Store.CommitFileAsync(Inline("/a", Content(100)) with { Manifest = [Chunk(1)] }, None));
        Assert.That(await Store.FindAsync("/a"), Is.Null);
    }

    private static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
    }

    private static CommitFileRequest Inline(BigFsPath path, byte[] content) => new()
    {
        Operation = Guid.NewGuid(),
        Path = path,
        Size = content.Length,
        Crc32C = Crc32C.Compute(content),
        Content = content,
    };

    private static CommitFileRequest Small(Guid session, BigFsPath path, ChunkReference chunk) => new()
    {
        Operation = Guid.NewGuid(),
        Session = session,
        Path = path,
        Size = chunk.Length,
        Crc32C = chunk.Crc32C,
        Manifest = [chunk],
    };

    private ValueTask<UploadSession> BeginSharedAsync() =>
        Store.BeginSharedAsync(new BeginSharedRequest(Guid.NewGuid(), 0), None);

    private ValueTask<BigFsFile> CommitFileAsync(Guid session, BigFsPath path, ChunkReference chunk) =>
        Store.CommitFileAsync(Small(session, path, chunk), None);
}
