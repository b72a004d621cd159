using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    [Test]
    public async Task An_upload_appears_at_its_commit_with_all_that_was_given()
    {
        var request = new BeginUploadRequest
        {
            Operation = Guid.NewGuid(),
            Path = "/a/b/été \U0001F600",
            Replicas = 3,
            ContentType = "text/plain",
            Metadata = ImmutableSortedDictionary<string, string>.Empty.Add("k", "v").Add("leer", ""),
        };
        UploadSession session = await Store.BeginUploadAsync(request, None);
        Assert.That(session, Is.EqualTo(new UploadSession(request.Operation, 3, TimeSpan.FromMinutes(5))));
        Assert.That(await Store.FindAsync("/a"), Is.Null, "parents come with the commit");

        BigFsFile file = await Store.CommitAsync(session.Id, Chunk(1), Chunk(2, 50));

        MetadataEntry found = (await Store.FindAsync(request.Path))!;
        Assert.That(found.Manifest, Is.EqualTo([Chunk(1), Chunk(2, 50)]));
        Assert.That(found.Entry, Is.EqualTo(file with { Metadata = ((BigFsFile)found.Entry).Metadata }));
        Assert.That(file.Metadata, Is.EquivalentTo(request.Metadata));
        Assert.That((file.Path, file.Size, file.Crc32C), Is.EqualTo((request.Path, 150L, 0xC0FFEEu)));
        Assert.That((file.Replicas, file.ContentType), Is.EqualTo((3, "text/plain")));
        Assert.That((file.Created, file.Modified), Is.EqualTo((Time.GetUtcNow(), Time.GetUtcNow())));
        Assert.That((await Store.FindAsync("/a/b"))!.Entry, Is.InstanceOf<BigFsDirectory>());
        Assert.That((await Store.FindAsync(request.Path, withManifest: false, None))!.Manifest, Is.Empty);
    }

    [Test]
    public async Task An_empty_file_and_the_default_number_of_replicas()
    {
        BigFsFile file = await Store.PutAsync("/empty");

        Assert.That((file.Size, file.Replicas, file.ContentType), Is.EqualTo((0L, 2, (string?)null)));
        Assert.That((await Store.FindAsync("/empty"))!.Manifest, Is.Empty);
    }

    [TestCase(64)]
    [TestCase(65)]
    [TestCase(2049)]
    public async Task A_manifest_of_any_length_comes_back_and_becomes_tombstones(int count)
    {
        ImmutableArray<ChunkReference> chunks = Chunks(1000, count);
        await Store.PutAsync("/big", chunks);
        Assert.That(await Store.ManifestAsync("/big"), Is.EqualTo(chunks));

        await Store.PutAsync("/big", Chunk(1));

        Assert.That((await Store.FindAsync("/big"))!.Manifest, Is.EqualTo([Chunk(1)]));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty, "readers of the old version have their lease");
        Time.Advance(TimeSpan.FromHours(1));
        await UntilAsync(async () => (await Tombstones.DueKeysAsync()).Length >= count, "all tombstones are due");
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(chunks.Select(chunk => chunk.Key.Value)));
    }

    [TestCase(1)]
    [TestCase(200)]
    public async Task What_a_commit_discards_becomes_tombstones_that_are_due_at_once_and_once_only(int count)
    {
        UploadSession session = await Store.BeginAsync("/f");
        CommitUploadRequest commit = Commit(session.Id, Chunk(1)) with { Discarded = Chunks(1000, count) };
        await Store.CommitUploadAsync(commit, None);
        await Store.CommitUploadAsync(commit, None);

        await UntilAsync(async () => (await Tombstones.DueKeysAsync()).Length >= count, "all tombstones are due");
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(commit.Discarded.Select(chunk => chunk.Key.Value)));
        Assert.That((await Store.FindAsync("/f"))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task A_commit_that_discards_a_chunk_of_its_own_file_is_refused()
    {
        UploadSession session = await Store.BeginAsync("/f");
        CommitUploadRequest commit = Commit(session.Id, Chunk(1), Chunk(2)) with { Discarded = [Chunk(3), Chunk(2)] };
        await Refused(
            BigFsErrorCode.InvalidArgument, async () => await Store.CommitUploadAsync(commit, None), "discarded");
        await Refused(
            BigFsErrorCode.InvalidArgument,
            async () => await Store.CommitUploadAsync(commit with { Discarded = default }, None),
            "written");
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty);
    }

    [Test]
    public async Task A_replaced_file_keeps_its_birth_and_gets_a_new_version()
    {
        BigFsFile first = await Store.PutAsync("/f", Chunk(1));
        Time.Advance(TimeSpan.FromMinutes(1));

        BigFsFile second = await Store.PutAsync("/f", Chunk(1));

        Assert.That(second.Version, Is.Not.EqualTo(first.Version));
        Assert.That(second.Created, Is.EqualTo(first.Created));
        Assert.That(second.Modified, Is.EqualTo(Time.GetUtcNow()));
    }

    [Test]
    public async Task Preconditions_are_checked_at_begin()
    {
        BigFsFile file = await Store.PutAsync("/d/f", Chunk(1));

        await Refused(BigFsErrorCode.AlreadyExists, Store.BeginAsync("/d/f", Absent), "/d/f");
        await Refused(BigFsErrorCode.PreconditionFailed, Store.BeginAsync("/d/f", VersionIs(default)), file.Version.ToString());
        await Refused(BigFsErrorCode.NotFound, Store.BeginAsync("/d/g", VersionIs(file.Version)), "/d/g");
        await Refused(BigFsErrorCode.IsDirectory, Store.BeginAsync("/d"), "/d");
        await Refused(BigFsErrorCode.IsDirectory, Store.BeginAsync("/"));
        await Refused(BigFsErrorCode.NotDirectory, Store.BeginAsync("/d/f/x/y"), "\"/d/f\"");
        await Store.BeginAsync("/d/f", VersionIs(file.Version));
    }

    [Test]
    public async Task Preconditions_are_checked_again_at_commit_and_nothing_changes_when_they_fail()
    {
        UploadSession absent = await Store.BeginAsync("/f", Absent);
        UploadSession below = await Store.BeginAsync("/f/below");
        UploadSession other = await Store.BeginAsync("/g");
        BigFsFile file = await Store.PutAsync("/f", Chunk(1));
        UploadSession version = await Store.BeginAsync("/f", VersionIs(file.Version));
        await Store.PutAsync("/f", Chunk(2));
        await Store.MakeDirectoryAsync("/g");

        await Refused(BigFsErrorCode.AlreadyExists, Store.CommitAsync(absent.Id, Chunk(3)));
        await Refused(BigFsErrorCode.NotDirectory, Store.CommitAsync(below.Id, Chunk(4)));
        await Refused(BigFsErrorCode.IsDirectory, Store.CommitAsync(other.Id, Chunk(5)));
        await Refused(BigFsErrorCode.PreconditionFailed, Store.CommitAsync(version.Id, Chunk(6)));
        Assert.That((await Store.FindAsync("/f"))!.Manifest, Is.EqualTo([Chunk(2)]));

        await Store.DeleteAsync("/f");
        await Store.CommitAsync(absent.Id, Chunk(3));
        await Refused(BigFsErrorCode.PreconditionFailed, Store.CommitAsync(version.Id, Chunk(6)));
        Assert.That((await Store.FindAsync("/f"))!.Manifest, Is.EqualTo([Chunk(3)]), "a refused commit may win later");
    }

    [Test]
    public async Task The_same_operation_again_gets_the_first_answer()
    {
        var begin = new BeginUploadRequest { Operation = Guid.NewGuid(), Path = "/f", Precondition = Absent, Replicas = 4 };
        UploadSession session = await Store.BeginUploadAsync(begin, None);
        CommitUploadRequest commit = Commit(session.Id, Chunk(1));
        BigFsFile file = await Store.CommitUploadAsync(commit, None);
        Time.Advance(TimeSpan.FromMinutes(50));
        await Store.PutAsync("/f", Chunk(2));

        BigFsFile again = await Store.CommitUploadAsync(commit, None);

        Assert.That(again, Is.EqualTo(file with { Metadata = again.Metadata }));
        Assert.That(await Store.BeginUploadAsync(begin, None), Is.EqualTo(session));
        Assert.That((await Store.FindAsync("/f"))!.Manifest, Is.EqualTo([Chunk(2)]), "the retry changed nothing");
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitAsync(session.Id, Chunk(1)), "was committed");
    }

    [Test]
    public async Task A_session_lives_as_long_as_it_is_renewed_and_then_never_again()
    {
        UploadSession session = await Store.BeginAsync("/f");
        for (int i = 0; i < 3; i++)
        {
            Time.Advance(TimeSpan.FromMinutes(4));
            await Store.RenewUploadAsync(session.Id, None);
        }

        Time.Advance(TimeSpan.FromMinutes(5));
        await Refused(BigFsErrorCode.SessionExpired, Store.RenewUploadAsync(session.Id, None));
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitAsync(session.Id, Chunk(1)), "not renewed in time");
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitAsync(Guid.NewGuid(), Chunk(1)), "not known");
        Assert.That(await Store.FindAsync("/f"), Is.Null);
    }

    [Test]
    public async Task A_clock_set_back_revives_no_session_and_advances_none()
    {
        UploadSession session = await Store.BeginAsync("/f");
        Time.Advance(TimeSpan.FromMinutes(5));
        await Refused(BigFsErrorCode.SessionExpired, Store.RenewUploadAsync(session.Id, None));

        Time.AutoAdvanceAmount = TimeSpan.Zero;
        Time.AdjustTime(Time.GetUtcNow() - TimeSpan.FromMinutes(3));

        await Refused(BigFsErrorCode.SessionExpired, Store.CommitAsync(session.Id, Chunk(1)));
    }

    [Test]
    public async Task An_aborted_upload_leaves_tombstones_that_are_due_at_once()
    {
        UploadSession session = await Store.BeginAsync("/f");
        await Store.AbortUploadAsync(session.Id, Chunks(5, 2), None);
        await Store.AbortUploadAsync(session.Id, Chunks(8, 2), None);
        await Store.AbortUploadAsync(Guid.NewGuid(), Chunks(10, 2), None);

        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([5UL, 6UL]));
        await Refused(BigFsErrorCode.SessionExpired, Store.CommitAsync(session.Id, Chunk(5)), "aborted");
        await Refused(BigFsErrorCode.SessionExpired, Store.RenewUploadAsync(session.Id, None));
    }

    [Test]
    public async Task Aborting_a_committed_upload_touches_nothing()
    {
        UploadSession session = await Store.BeginAsync("/f");
        await Store.CommitAsync(session.Id, Chunk(1));

        await Store.AbortUploadAsync(session.Id, [Chunk(1)], None);

        Time.Advance(TimeSpan.FromHours(3));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty);
        Assert.That(await Store.FindAsync("/f"), Is.Not.Null);
    }

    [Test]
    public async Task An_upload_that_expired_can_still_be_aborted()
    {
        UploadSession session = await Store.BeginAsync("/f");
        Time.Advance(TimeSpan.FromMinutes(6));

        await Store.AbortUploadAsync(session.Id, Chunks(1, 1500), None);

        await UntilAsync(async () => (await Tombstones.DueKeysAsync()).Length == 1500, "all 1500 are due");
    }

    [Test]
    public async Task Bounds_are_checked_and_the_input_is_named()
    {
        BeginUploadRequest begin = new() { Operation = Guid.NewGuid(), Path = "/f" };
        ImmutableSortedDictionary<string, string> none = ImmutableSortedDictionary<string, string>.Empty;
        await Refused(BigFsErrorCode.InvalidArgument, () => Begin(begin with { Operation = Guid.Empty }), "operation");
        await Refused(BigFsErrorCode.InvalidArgument, () => Begin(begin with { Replicas = 9 }), "9 replicas");
        await Refused(BigFsErrorCode.InvalidArgument, () => Begin(begin with { Replicas = -1 }), "-1 replicas");
        await Refused(BigFsErrorCode.LimitExceeded, () => Begin(begin with { ContentType = new string('x', 256) }), "/f");
        await Refused(
            BigFsErrorCode.LimitExceeded, () => Begin(begin with { Metadata = none.Add("k", new string('é', 4096)) }), "8193");
        await Refused(BigFsErrorCode.InvalidArgument, () => Begin(begin with { Metadata = none.Add("", "v") }), "empty name");
        await Refused(BigFsErrorCode.InvalidArgument, () => Begin(begin with { Metadata = none.Add("k", "\uD800") }), "\"k\"");
        await Begin(begin with { ContentType = new string('x', 255), Metadata = none.Add("k", new string('é', 4095)) });

        CommitUploadRequest commit = Commit(begin.Operation, Chunk(1));
        await Refused(BigFsErrorCode.InvalidArgument, () => End(commit with { Size = 99 }), "99");
        await Refused(BigFsErrorCode.InvalidArgument, () => End(commit with { Manifest = default }), "manifest");
        await Refused(BigFsErrorCode.InvalidArgument, () => End(Commit(begin.Operation, Chunk(1, 0))), "0 bytes");
        await Refused(
            BigFsErrorCode.InvalidArgument, () => End(Commit(begin.Operation, Chunk(1, Limits.MaxChunkSize + 1))), "67108865");
        await Refused(
            BigFsErrorCode.LimitExceeded,
            () => End(Commit(begin.Operation, Chunks(1, Limits.MaxChunksPerFile + 1))),
            "1048577 chunks");
        await End(commit);

        async Task Begin(BeginUploadRequest request) => await Store.BeginUploadAsync(request, None);
        async Task End(CommitUploadRequest request) => await Store.CommitUploadAsync(request, None);
    }

    [Test]
    public async Task Of_many_writers_that_want_a_path_absent_one_wins()
    {
        UploadSession[] sessions = await Task.WhenAll(
            Enumerable.Range(0, 32).Select(_ => Store.BeginAsync("/one", Absent).AsTask()));

        (UploadSession Session, bool Won)[] ends = await Task.WhenAll(sessions.Select(async session =>
        {
            try
            {
                await Store.CommitAsync(session.Id, Chunk(Key(session.Id)));
                return (session, true);
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.AlreadyExists)
            {
                return (session, false);
            }
        }));

        UploadSession winner = ends.Single(end => end.Won).Session;
        Assert.That((await Store.FindAsync("/one"))!.Manifest.Single().Key.Value, Is.EqualTo(Key(winner.Id)));

        static ulong Key(Guid id) => BitConverter.ToUInt64(id.ToByteArray());
    }

    [Test]
    public async Task Writers_that_each_replace_the_version_they_saw_lose_no_update()
    {
        const int writers = 8, updates = 10;
        await Store.PutAsync("/counter");

        await Task.WhenAll(Enumerable.Range(0, writers).Select(async _ =>
        {
            for (int done = 0; done < updates;)
            {
                MetadataEntry seen = (await Store.FindAsync("/counter"))!;
                BigFsVersion version = ((BigFsFile)seen.Entry).Version;
                try
                {
                    UploadSession session = await Store.BeginAsync("/counter", VersionIs(version));
                    await Store.CommitAsync(session.Id, seen.Manifest.Add(Chunk((ulong)seen.Manifest.Length)));
                    done++;
                }
                catch (BigFsException exception) when (exception.Code == BigFsErrorCode.PreconditionFailed)
                {
                    // Another was faster: look again.
                }
            }
        }));

        Assert.That((await Store.FindAsync("/counter"))!.Manifest, Has.Length.EqualTo(writers * updates));
    }
}
