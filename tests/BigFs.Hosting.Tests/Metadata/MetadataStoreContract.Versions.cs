using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    private const int Part = Limits.ManifestPageChunks;

    [Test]
    public async Task A_long_manifest_comes_in_parts_by_place()
    {
        ImmutableArray<ChunkReference> chunks = Chunks(1, (2 * Part) + 500);
        BigFsFile file = await Store.PutAsync("/f", chunks);

        MetadataEntry found = (await Store.FindAsync("/f"))!;
        Assert.That((found.Manifest.Length, found.Chunks), Is.EqualTo((Part, chunks.Length)));
        foreach ((int first, int count) in ((int, int)[])[(0, Part), (Part, Part), (2 * Part, Part), (Part - 3, 6), (2 * Part + 499, 1), (chunks.Length, 5)])
        {
            ManifestPage page = await Store.ReadManifestAsync(
                new ManifestRequest { Version = file.Version, First = first, Count = count }, None);
            Assert.That(page.Chunks, Is.EqualTo(chunks.Skip(first).Take(count)), $"{count} from {first} on");
            Assert.That((page.Total, page.Lease), Is.EqualTo((chunks.Length, TimeSpan.FromHours(1))));
        }

        await Refused(
            BigFsErrorCode.InvalidArgument, () => Store.ReadManifestAsync(new ManifestRequest { Version = file.Version, First = -1 }, None));
        await Refused(
            BigFsErrorCode.InvalidArgument,
            () => Store.ReadManifestAsync(new ManifestRequest { Version = file.Version, First = 0, Count = Part + 1 }, None));
        await Refused(
            BigFsErrorCode.VersionExpired, () => Store.ReadManifestAsync(new ManifestRequest { Version = new(7), First = 0 }, None));
    }

    [Test]
    public async Task Leases_are_renewed_while_what_was_deleted_is_being_cleared_away()
    {
        // A chain of directories is cleared away in a step for each.
        const int Depth = 40;
        var versions = new List<BigFsVersion>();
        string path = "/gone";
        for (int depth = 0; depth < Depth; depth++, path += "/d")
        {
            await Store.MakeDirectoryAsync(path);
            versions.Add((await Store.PutAsync(path + "/f", Chunk((ulong)depth + 1))).Version);
        }

        await Store.DeleteAsync("/gone", recursive: true);
        for (int round = 0; round < 5; round++)
        {
            await Task.WhenAll(versions.Select(version => Store.RenewReadAsync(version, None).AsTask()));
        }
    }

    [Test]
    public async Task A_replaced_version_is_read_on_while_its_lease_lasts_and_no_longer()
    {
        ImmutableArray<ChunkReference> chunks = Chunks(1, Part + 10);
        BigFsFile old = await Store.PutAsync("/f", chunks);
        var request = new ManifestRequest { Version = old.Version, First = Part };
        await Store.PutAsync("/f", Chunk(9999));

        Time.Advance(TimeSpan.FromMinutes(50));
        ManifestPage page = await Store.ReadManifestAsync(request, None);
        Assert.That(page.Chunks, Is.EqualTo(chunks.Skip(Part)));
        Assert.That(page.Lease, Is.EqualTo(TimeSpan.FromMinutes(10)));
        Assert.That(await Store.RenewReadAsync(old.Version, None), Is.EqualTo(TimeSpan.FromHours(1)));
        Time.Advance(TimeSpan.FromMinutes(59));
        Assert.That((await Store.ReadManifestAsync(request, None)).Chunks, Is.EqualTo(chunks.Skip(Part)));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty, "the renewal keeps its chunks");

        Time.Advance(TimeSpan.FromMinutes(1));
        await Refused(BigFsErrorCode.VersionExpired, () => Store.ReadManifestAsync(request, None), old.Version.ToString());
        await Refused(BigFsErrorCode.VersionExpired, Store.RenewReadAsync(old.Version, None), old.Version.ToString());
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(chunks.Select(chunk => chunk.Key.Value)));
    }

    [Test]
    public async Task A_version_that_stands_is_leased_by_standing()
    {
        BigFsFile file = await Store.PutAsync("/f", Chunk(1));
        Assert.That((await Store.FindAsync("/f"))!.Lease, Is.EqualTo(TimeSpan.FromHours(1)));
        Time.Advance(TimeSpan.FromDays(2));

        Assert.That(await Store.RenewReadAsync(file.Version, None), Is.EqualTo(TimeSpan.FromHours(1)));
        await Store.MoveAsync("/f", "/g");
        Assert.That(await Store.RenewReadAsync(file.Version, None), Is.EqualTo(TimeSpan.FromHours(1)));

        await Store.DeleteAsync("/g");
        Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty, "whoever opened it right before has a whole lease");
        Time.Advance(TimeSpan.FromTicks(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL]));
    }

    [Test]
    public async Task A_lease_on_a_file_of_a_deleted_directory_is_renewed_before_and_after_it_is_cleared_away()
    {
        BigFsFile first = await Store.PutAsync("/d/e/first", Chunk(1));
        BigFsFile second = await Store.PutAsync("/d/e/second", Chunk(2));
        await Store.DeleteAsync("/d", recursive: true);
        Time.Advance(TimeSpan.FromMinutes(30));

        await Store.RenewReadAsync(first.Version, None);
        await UntilAsync(async () => (await JobsAsync(MetadataJobState.Running)).IsEmpty, "the directory is cleared away");
        Time.Advance(TimeSpan.FromMinutes(29));
        await Store.RenewReadAsync(first.Version, None);

        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([2UL]));
        await Refused(BigFsErrorCode.VersionExpired, Store.RenewReadAsync(second.Version, None));
        Time.Advance(TimeSpan.FromMinutes(59));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL, 2UL]));
    }

    [Test]
    public async Task A_chunk_leads_to_its_file_wherever_that_moved()
    {
        BigFsFile small = await Store.PutAsync("/a/b/f", Chunk(1), Chunk(2));
        BigFsFile large = await Store.PutAsync("/a/g", Chunks(100, 2 * Part));
        await Store.MoveAsync("/a", "/z/y");

        Assert.That(await OwnersAsync(2), Is.EqualTo([new ChunkOwner(small.Version, "/z/y/b/f")]));
        Assert.That(await OwnersAsync(100 + Part), Is.EqualTo([new ChunkOwner(large.Version, "/z/y/g")]));
        Assert.That(await OwnersAsync(99), Is.Empty);
        await Refused(
            BigFsErrorCode.InvalidArgument, () => Store.FindOwnersAsync([.. Enumerable.Range(0, 4097).Select(i => new ChunkKey((ulong)i))], None));
    }

    [Test]
    public async Task A_chunk_of_two_files_lives_until_the_last_one_goes()
    {
        BigFsFile one = await Store.PutAsync("/one", Chunk(1), Chunk(2));
        BigFsFile two = await Store.PutAsync("/two", Chunk(2), Chunk(3));
        Assert.That(
            (await OwnersAsync(2)).Select(owner => owner.Path), Is.EquivalentTo(new BigFsPath?[] { "/one", "/two" }));

        await Store.DeleteAsync("/one");
        Assert.That((await OwnersAsync(1)), Is.EqualTo([new ChunkOwner(one.Version, null)]), "leased, and out of sight");
        Time.Advance(TimeSpan.FromHours(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL]));
        Assert.That(await OwnersAsync(2), Is.EqualTo([new ChunkOwner(two.Version, "/two")]));

        await Store.DeleteAsync("/two");
        Time.Advance(TimeSpan.FromHours(1));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL, 2UL, 3UL]));
    }

    [Test]
    public async Task A_chunk_whose_deletion_is_recorded_gains_no_owner()
    {
        UploadSession given = await Store.BeginAsync("/x");
        await Store.AbortUploadAsync(given.Id, [Chunk(1)], None);
        ChunkOwners owners = (await Store.FindOwnersAsync([new ChunkKey(1)], None))[0];
        Assert.That((owners.IsDeleted, owners.Owners.Length), Is.EqualTo((true, 0)));
        UploadSession session = await Store.BeginAsync("/f");

        await Refused(BigFsErrorCode.ChunkDeleted, Store.CommitAsync(session.Id, Chunk(2), Chunk(1)), Chunk(1).Key.ToString());
        await Refused(BigFsErrorCode.ChunkDeleted, Store.StageChunksAsync(Stage(session, 0, Chunks(1, Part)), None));

        Assert.That(await Store.FindAsync("/f"), Is.Null);
        Assert.That(await OwnersAsync(2), Is.Empty, "nothing of the refused commit is left");
        await Store.CommitAsync(session.Id, Chunk(2));
        TombstoneBatch batch = await Tombstones.ClaimTombstonesAsync(10, TimeSpan.FromMinutes(1), None);
        await Tombstones.SettleTombstonesAsync(
            new TombstoneSettlement { Generation = batch.Generation, Done = [.. batch.Tombstones.Select(one => one.Id)] }, None);
        Assert.That((await Store.FindOwnersAsync([new ChunkKey(1)], None))[0].IsDeleted, Is.False, "it is gone for good");
    }

    [Test]
    public async Task What_a_file_names_is_not_deleted_by_giving_up_another_upload()
    {
        await Store.PutAsync("/kept", Chunk(1), Chunk(2));
        UploadSession leftover = await Store.BeginAsync("/other");
        await Store.AbortUploadAsync(leftover.Id, Chunks(1, 100), None);
        await Store.AbortFileAsync(new AbortFileRequest { Operation = Guid.NewGuid(), Written = Chunks(1, 3) }, None);

        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(Enumerable.Range(3, 98).Select(i => (ulong)i)));
        Assert.That((await Store.FindAsync("/kept"))!.Manifest, Is.EqualTo(Chunks(1, 2)));
    }

    [Test]
    public async Task A_long_manifest_is_staged_in_order_and_committed_at_once()
    {
        ImmutableArray<ChunkReference> chunks = Chunks(1, (2 * Part) + 5);
        UploadSession session = await Store.BeginAsync("/f");
        StageChunksRequest first = Stage(session, 0, [.. chunks[..Part]]), second = Stage(session, Part, [.. chunks[Part..(2 * Part)]]);
        await Refused(BigFsErrorCode.InvalidArgument, Store.StageChunksAsync(second, None), "0 staged");
        await Store.StageChunksAsync(first, None);
        await Store.StageChunksAsync(first, None);
        await Store.StageChunksAsync(second, None);
        await Refused(BigFsErrorCode.InvalidArgument, async () => await Store.StageChunksAsync(first with { First = 5 }, None));
        await Refused(BigFsErrorCode.InvalidArgument, async () => await Store.StageChunksAsync(first with { Chunks = chunks[..7] }, None));
        Assert.That(await Store.FindAsync("/f"), Is.Null);
        Assert.That((await OwnersAsync(1)).Select(owner => owner.Path), Is.EqualTo(new BigFsPath?[] { null }), "it is no orphan");

        CommitUploadRequest commit = Commit(session.Id, chunks) with { Manifest = chunks[(2 * Part)..], Staged = 2 * Part };
        await Refused(BigFsErrorCode.InvalidArgument, Store.CommitUploadAsync(commit with { Staged = Part }, None), "staged");
        await Refused(BigFsErrorCode.InvalidArgument, Store.CommitUploadAsync(commit with { Size = commit.Size - 1 }, None), "add up");
        BigFsFile file = await Store.CommitUploadAsync(commit, None);

        Assert.That((await Store.CommitUploadAsync(commit, None)).Version, Is.EqualTo(file.Version));
        Assert.That((await Store.FindAsync("/f"))!.Chunks, Is.EqualTo(chunks.Length));
        ManifestPage page = await Store.ReadManifestAsync(
            new ManifestRequest { Version = file.Version, First = 2 * Part - 2, Count = 7 }, None);
        Assert.That(page.Chunks, Is.EqualTo(chunks.Skip((2 * Part) - 2)));
        Assert.That(await OwnersAsync(1), Is.EqualTo([new ChunkOwner(file.Version, "/f")]));
    }

    [Test]
    public async Task What_was_staged_goes_with_its_session([Values] bool aborted)
    {
        UploadSession session = await Store.BeginAsync("/f");
        await Store.StageChunksAsync(Stage(session, 0, Chunks(1, Part)), None);
        if (aborted)
        {
            await Store.AbortUploadAsync(session.Id, Chunks(1, Part + 1), None);
            Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo(Enumerable.Range(1, Part + 1).Select(i => (ulong)i)));
            return;
        }

        Time.Advance(TimeSpan.FromMinutes(6));
        await Refused(BigFsErrorCode.SessionExpired, Store.StageChunksAsync(Stage(session, Part, Chunks(5000, Part)), None));
        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty, "its end is not final before its record goes");
        await UntilAsync(
            async () =>
            {
                Time.Advance(TimeSpan.FromMinutes(2));
                return (await Tombstones.DueKeysAsync()).Length == Part;
            },
            "nobody can commit it any more");
    }

    private static StageChunksRequest Stage(UploadSession session, int first, ImmutableArray<ChunkReference> chunks) =>
        new() { Session = session.Id, First = first, Chunks = chunks };

    private async Task<ImmutableArray<ChunkOwner>> OwnersAsync(ulong key) =>
        (await Store.FindOwnersAsync([new ChunkKey(key)], None))[0].Owners;

    private async Task<ImmutableArray<MetadataJob>> JobsAsync(MetadataJobState state) =>
        [.. (await Store.ListJobsAsync(None)).Where(job => job.State == state)];
}
