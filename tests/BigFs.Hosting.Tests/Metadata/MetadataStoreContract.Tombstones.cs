using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

/// <content>The queue of tombstones, and the database's identity and generation.</content>
internal abstract partial class MetadataStoreContract
{
    private static readonly TimeSpan ClaimLease = TimeSpan.FromMinutes(2);
    private static readonly NodeId NodeA = new(new Guid(1, 2, 3, new byte[8]));
    private static readonly NodeId NodeB = new(new Guid(0x7F000000, 2, 3, new byte[8]));
    private static readonly NodeId NodeC = new(new Guid(-5, 2, 3, new byte[8]));

    protected virtual IMetadataIdentity Identity => (IMetadataIdentity)Store;

    [Test]
    public async Task Tombstones_are_claimed_oldest_first_and_by_one_only()
    {
        await BuryAsync(Chunks(1, 5));

        TombstoneBatch first = await ClaimAsync(2);
        TombstoneBatch second = await ClaimAsync(10);
        TombstoneBatch third = await ClaimAsync(10);

        Assert.That(first.Tombstones.Select(one => (one.Volume.Value, one.Key.Value)), Is.EqualTo([(1L, 1UL), (1L, 2UL)]));
        Assert.That(second.Tombstones.Select(one => one.Key.Value), Is.EqualTo([3UL, 4UL, 5UL]));
        Assert.That(third.Tombstones, Is.Empty);
        Assert.That((first.Generation, first.IsPaused), Is.EqualTo((1L, false)));
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL, 2UL, 3UL, 4UL, 5UL]), "claimed or not");
    }

    [Test]
    public async Task Claims_of_many_at_once_never_overlap()
    {
        await BuryAsync(Chunks(1, 60));

        TombstoneBatch[] batches = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => ClaimAsync(5)));

        Assert.That(
            batches.SelectMany(batch => batch.Tombstones).Select(one => one.Key.Value).Order(),
            Is.EqualTo(Enumerable.Range(1, 60).Select(i => (ulong)i)));
    }

    [Test]
    public async Task A_claim_that_was_not_settled_runs_out()
    {
        await BuryAsync(Chunk(1));
        Assert.That((await ClaimAsync()).Tombstones, Has.Length.EqualTo(1));

        Time.Advance(ClaimLease - TimeSpan.FromSeconds(2));
        Assert.That((await ClaimAsync()).Tombstones, Is.Empty);

        Time.Advance(TimeSpan.FromSeconds(3));
        Assert.That((await ClaimAsync()).Tombstones, Has.Length.EqualTo(1));
    }

    [Test]
    public async Task What_is_settled_is_dropped_or_put_off_with_who_has_confirmed()
    {
        await BuryAsync(Chunks(1, 3));
        ImmutableArray<Tombstone> claimed = (await ClaimAsync()).Tombstones;

        Assert.That(await SettleAsync(done: [claimed[0].Id], Rest(claimed[1], 4, NodeB, NodeA), Rest(claimed[2], 0)), Is.True);

        Assert.That(await Tombstones.DueKeysAsync(), Is.Empty);
        Time.Advance(TimeSpan.FromMinutes(1));
        ImmutableArray<Tombstone> again = (await ClaimAsync()).Tombstones;
        Assert.That(again.Select(one => one.Key.Value).Order(), Is.EqualTo([2UL, 3UL]), "settling ends the claims");
        Tombstone known = again.Single(one => one.Key.Value == 2), unknown = again.Single(one => one.Key.Value == 3);
        Assert.That((known.Epoch, known.Attempts), Is.EqualTo((4L, 1)));
        Assert.That(known.Confirmed, Is.EquivalentTo([NodeA, NodeB]));
        Assert.That((unknown.Epoch, unknown.Attempts), Is.EqualTo((0L, 1)));
        Assert.That(unknown.Confirmed, Is.Empty);
    }

    [Test]
    public async Task Confirmations_of_one_epoch_add_up_and_those_of_an_older_one_are_forgotten()
    {
        await BuryAsync(Chunk(1));
        Tombstone one = (await ClaimAsync()).Tombstones.Single();

        await SettleAsync([], Rest(one, 4, NodeA));
        await SettleAsync([], Rest(one, 4, NodeC));
        Assert.That((await AfterAMinuteAsync()).Confirmed, Is.EquivalentTo([NodeA, NodeC]));

        await SettleAsync([], Rest(one, 6, NodeB));
        await SettleAsync([], Rest(one, 5, NodeA), Rest(one, 0, NodeC));

        Tombstone last = await AfterAMinuteAsync();
        Assert.That((last.Epoch, last.Attempts), Is.EqualTo((6L, 5)));
        Assert.That(last.Confirmed, Is.EqualTo([NodeB]));
    }

    [Test]
    public async Task Settling_what_is_not_there_any_more_changes_nothing()
    {
        await BuryAsync(Chunks(1, 2));
        ImmutableArray<Tombstone> claimed = (await ClaimAsync()).Tombstones;
        await SettleAsync([claimed[0].Id]);

        Assert.That(await SettleAsync([claimed[0].Id], Rest(claimed[0], 3, NodeA)), Is.True);

        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([2UL]));
    }

    [Test]
    public async Task A_raised_generation_pauses_collection_until_it_is_resumed()
    {
        await BuryAsync(Chunks(1, 2));
        Tombstone claimed = (await ClaimAsync(1)).Tombstones.Single();

        NamespaceIdentity raised = await Identity.RaiseGenerationAsync(None);

        Assert.That((raised.Generation, raised.IsCollectionPaused), Is.EqualTo((2L, true)));
        TombstoneBatch paused = await ClaimAsync();
        Assert.That((paused.Generation, paused.IsPaused, paused.Tombstones.Length), Is.EqualTo((2L, true, 0)));
        Assert.That(await SettleAsync([claimed.Id]), Is.False, "the claim was of another generation");
        Assert.That(await Tombstones.DueKeysAsync(), Is.EqualTo([1UL, 2UL]));
        await Refused(BigFsErrorCode.PreconditionFailed, Identity.ResumeCollectionAsync(1, None), "generation 2");

        NamespaceIdentity resumed = await Identity.ResumeCollectionAsync(2, None);

        Assert.That(resumed, Is.EqualTo(raised with { IsCollectionPaused = false }));
        Time.Advance(ClaimLease);
        Assert.That((await ClaimAsync()).Tombstones, Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_raised_generation_gives_no_incarnation_again()
    {
        long before = await Store.NextIncarnationAsync(None);

        await Identity.RaiseGenerationAsync(None);

        Assert.That(
            await Store.NextIncarnationAsync(None), Is.EqualTo(before + IMetadataIdentity.IncarnationsPerRestore + 1));
    }

    [Test]
    public async Task A_new_database_says_who_it_is()
    {
        NamespaceIdentity fresh = await Identity.IdentityAsync(None);
        Assert.That(fresh.Namespace, Is.Not.EqualTo(Guid.Empty));
        Assert.That((fresh.Cluster, fresh.Generation, fresh.IsCollectionPaused), Is.EqualTo(((Guid?)null, 1L, false)));

        var cluster = Guid.NewGuid();
        await Identity.AdoptClusterIdAsync(cluster, None);

        Assert.That(await Identity.IdentityAsync(None), Is.EqualTo(fresh with { Cluster = cluster }));
    }

    private static TombstoneRest Rest(Tombstone one, long epoch, params ImmutableArray<NodeId> confirmed) =>
        new(one.Id, epoch, confirmed, TimeSpan.FromMinutes(1));

    private async Task BuryAsync(params ImmutableArray<ChunkReference> chunks)
    {
        UploadSession session = await Store.BeginAsync("/buried");
        await Store.AbortUploadAsync(session.Id, chunks, None);
    }

    private async Task<TombstoneBatch> ClaimAsync(int limit = 100) =>
        await Tombstones.ClaimTombstonesAsync(limit, ClaimLease, None);

    private async Task<Tombstone> AfterAMinuteAsync()
    {
        Time.Advance(TimeSpan.FromMinutes(1));
        return (await Tombstones.DueTombstonesAsync(10, None)).Single();
    }

    private async Task<bool> SettleAsync(ImmutableArray<long> done, params ImmutableArray<TombstoneRest> kept) =>
        await Tombstones.SettleTombstonesAsync(
            new TombstoneSettlement { Generation = 1, Done = done, Kept = kept }, None);
}
