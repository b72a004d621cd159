using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Replication;

public sealed class ReplicaDifferenceTests
{
    private static readonly NodeId A = Node(1);
    private static readonly NodeId B = Node(2);

    [Test]
    public void What_a_target_lacks_comes_from_a_source()
    {
        ReplicaDifference difference = ReplicaDifference.Of([Source(A, Live(1), Live(2)), Target(B, Live(2))]);
        Assert.That(difference.Missing, Has.Length.EqualTo(1));
        Assert.That(difference.Missing[0].Target, Is.EqualTo(B));
        Assert.That(difference.Missing[0].Chunk, Is.EqualTo(Live(1)));
        Assert.That(difference.Missing[0].Sources, Is.EqualTo(new[] { A }));
    }

    [Test]
    public void What_only_an_unverified_member_has_is_surplus_and_is_not_copied()
    {
        ReplicaDifference difference = ReplicaDifference.Of([Source(A), Target(B, Live(3))]);
        Assert.That(difference.Missing, Is.Empty);
        Assert.That(difference.Surplus, Is.EqualTo(new[] { new ChunkKey(3) }));
    }

    [Test]
    public void A_delete_mark_spreads_and_the_chunk_does_not([Values] bool markIsOnTheTarget)
    {
        var mark = new StoredChunkInfo(new ChunkKey(1), 0, 0, Deleted: true);
        ReplicaDifference difference = ReplicaDifference.Of(
            [Source(A, markIsOnTheTarget ? Live(1) : mark), Target(B, markIsOnTheTarget ? mark : Live(1)), Target(Node(3))]);
        Assert.That(difference.Missing, Is.Empty);
        Assert.That(difference.MissingMarks, Is.EqualTo(new[] { (markIsOnTheTarget ? A : B, mark.Key), (Node(3), mark.Key) }));
    }

    [Test]
    public void A_mark_that_does_not_spread_takes_the_chunk_from_nobody_and_who_has_neither_gets_the_chunk()
    {
        var mark = new StoredChunkInfo(new ChunkKey(1), 0, 0, Deleted: true);
        ReplicaDifference difference = ReplicaDifference.Of(
            [Source(A, mark, Live(2)), Source(B, Live(1)), Target(Node(3), mark), Target(Node(4))], spreadsMarks: false);
        Assert.That(difference.MissingMarks, Is.Empty);
        Assert.That(difference.KeptMarks, Is.EqualTo(new[] { mark.Key }));
        Assert.That(
            difference.Missing.Select(missing => (missing.Target, missing.Chunk, missing.Sources.Single())),
            Is.EqualTo(new[] { (Node(4), Live(1), B), (Node(3), Live(2), A), (Node(4), Live(2), A) }));
    }

    [Test]
    public void A_mark_alone_that_does_not_spread_is_left_where_it_is()
    {
        var mark = new StoredChunkInfo(new ChunkKey(1), 0, 0, Deleted: true);
        ReplicaDifference difference = ReplicaDifference.Of([Source(A, mark), Target(B)], spreadsMarks: false);
        Assert.That(difference.MissingMarks.IsEmpty && difference.KeptMarks.IsEmpty && difference.Missing.IsEmpty);
    }

    [Test]
    public void The_same_key_with_other_bytes_is_a_conflict_that_nothing_is_copied_for()
    {
        ReplicaDifference difference = ReplicaDifference.Of(
            [Source(A, Live(1)), Source(B, Live(1) with { Crc32C = 99 }), Target(Node(3))]);
        Assert.That(difference.Conflicts.Single().Key, Is.EqualTo(new ChunkKey(1)));
        Assert.That(difference.Conflicts.Single().Lacking, Is.EqualTo(new[] { Node(3) }));
        Assert.That(difference.Missing, Is.Empty);
    }

    [Test]
    public void A_target_with_other_bytes_than_a_source_lacks_them_and_one_with_the_same_does_not()
    {
        ReplicaDifference difference = ReplicaDifference.Of(
            [Source(A, Live(1)), Target(B, Live(1) with { Crc32C = 99 }), Target(Node(3), Live(1))]);
        Assert.That(difference.Conflicts.Single().Lacking, Is.EqualTo(new[] { B }));
    }

    [Test]
    public void A_conflict_among_members_that_are_no_sources_costs_nobody_anything()
    {
        ReplicaDifference difference = ReplicaDifference.Of(
            [Source(A), Target(B, Live(1)), Target(Node(3), Live(1) with { Crc32C = 99 })]);
        Assert.That(difference.Conflicts.Single().Lacking, Is.Empty);
    }

    [Test]
    public void After_copying_and_marking_every_target_has_what_the_sources_had_and_no_deleted_key_lives()
    {
        // Each replica: for eight keys, 0 absent, 1 live, 2 deleted; roles by two bits.
        Gen.Select(Gen.Int[0, 2].Array[8].Array[1, 4], Gen.Int[1, 3].Array[4]).Sample((contents, roles) =>
        {
            ImmutableArray<ReplicaListing> before = [.. contents.Select((keys, i) => Listing(i, keys, roles[i]))];
            ReplicaDifference difference = ReplicaDifference.Of(before);
            var sets = before.ToDictionary(
                replica => replica.Node, replica => replica.Chunks.ToDictionary(chunk => chunk.Key));
            foreach (MissingChunk missing in difference.Missing)
            {
                Assert.That(sets[missing.Target].TryAdd(missing.Chunk.Key, missing.Chunk), "a chunk is copied once");
                Assert.That(
                    missing.Sources.All(node => before.Single(replica => replica.Node == node).IsSource), "only from sources");
            }

            foreach ((NodeId node, ChunkKey key) in difference.MissingMarks)
            {
                sets[node][key] = new StoredChunkInfo(key, 0, 0, Deleted: true);
            }

            var deleted = before.SelectMany(replica => replica.Chunks).Where(chunk => chunk.Deleted).Select(chunk => chunk.Key).ToHashSet();
            var wanted = before.Where(replica => replica.IsSource).SelectMany(replica => replica.Chunks)
                .Select(chunk => chunk.Key).Where(key => !deleted.Contains(key)).Distinct();
            foreach (ReplicaListing replica in before)
            {
                var live = sets[replica.Node].Values.Where(chunk => !chunk.Deleted).Select(chunk => chunk.Key).ToHashSet();
                Assert.That(live.Overlaps(deleted), Is.False);
                Assert.That(!replica.IsTarget || wanted.All(live.Contains), "a target has everything");
            }
        });
    }

    private static ReplicaListing Listing(int number, int[] keys, int role) => new(
        Node(number + 1),
        (role & 1) != 0,
        (role & 2) != 0,
        [
            .. keys.Select((what, i) => (what, Key: (ulong)i + 1)).Where(pair => pair.what != 0)
                .Select(pair => pair.what == 1 ? Live(pair.Key) : new StoredChunkInfo(new ChunkKey(pair.Key), 0, 0, true)),
        ]);

    private static ReplicaListing Source(NodeId node, params StoredChunkInfo[] chunks) => new(node, true, false, [.. chunks]);

    private static ReplicaListing Target(NodeId node, params StoredChunkInfo[] chunks) => new(node, false, true, [.. chunks]);

    private static StoredChunkInfo Live(ulong key) => new(new ChunkKey(key), 10, (uint)key, Deleted: false);

    private static NodeId Node(int number) => new(new Guid(number, 0, 0, new byte[8]));
}
