using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Placement;
using CsCheck;
using NUnit.Framework;
using static BigFs.Core.Tests.Placement.PlacementCluster;

namespace BigFs.Core.Tests.Placement;

public sealed class ReplicaSetsTests
{
    [Test]
    public void Three_nodes_and_two_replicas_give_all_three_pairs()
    {
        Assert.That(
            ReplicaSets.Missing(Nodes(3), 2, []).Select(Text), Is.EquivalentTo(new[] { "1 2", "1 3", "2 3" }));
    }

    [Test]
    public void Four_nodes_and_two_replicas_give_two_disjoint_pairs()
    {
        Assert.That(ReplicaSets.Missing(Nodes(4), 2, []).Select(Text), Is.EquivalentTo(new[] { "1 2", "3 4" }));
    }

    [Test]
    public void As_many_nodes_as_replicas_give_the_one_set()
    {
        Assert.That(ReplicaSets.Missing(Nodes(3), 3, []).Select(Text), Is.EqualTo(new[] { "1 2 3" }));
    }

    [Test]
    public void Fewer_nodes_than_replicas_give_no_set()
    {
        Assert.That(ReplicaSets.Missing(Nodes(2), 3, []), Is.Empty);
    }

    [Test]
    public void Sets_leave_no_node_indispensable_use_every_node_and_are_few_and_even()
    {
        Gen.Select(Gen.Int[1, 16], Gen.Int[1, 8]).Where((nodes, replicas) => nodes >= replicas).Sample((nodes, replicas) =>
        {
            ImmutableArray<ImmutableArray<NodeId>> sets = ReplicaSets.Missing(Nodes(nodes), replicas, []);
            AssertGood(nodes, replicas, sets);
            int[] uses = [.. Nodes(nodes).Select(node => sets.Count(set => set.Contains(node)))];
            Assert.That(uses.Max() - uses.Min(), Is.LessThanOrEqualTo(1), "even");

            // Each set leaves out (nodes - replicas); together they must leave out every node, and use every node.
            int least = nodes == replicas ? 1 : Math.Max(Ceiling(nodes, nodes - replicas), Ceiling(nodes, replicas));
            Assert.That(sets, Has.Length.LessThanOrEqualTo(least + 1), "few");
            return true;
        });
    }

    [Test]
    public void Sets_that_stand_are_kept_and_only_what_is_missing_is_added()
    {
        Gen.Select(Gen.Int[2, 10], Gen.Int[1, 5], Gen.Int[0, 1000].Array[0, 6])
            .Where((nodes, replicas, _) => nodes >= replicas)
            .Sample((nodes, replicas, seeds) =>
            {
                ImmutableArray<ImmutableArray<NodeId>> standing = [.. seeds.Select(seed => Set(nodes, replicas, seed))];
                ImmutableArray<ImmutableArray<NodeId>> missing = ReplicaSets.Missing(Nodes(nodes), replicas, standing);
                AssertGood(nodes, replicas, [.. standing, .. missing]);
                Assert.That(ReplicaSets.Missing(Nodes(nodes), replicas, [.. standing, .. missing]), Is.Empty);
                return true;
            });
    }

    private static void AssertGood(int nodes, int replicas, ImmutableArray<ImmutableArray<NodeId>> sets)
    {
        Assert.That(sets.All(set => set.Distinct().Count() == replicas && set.SequenceEqual(set.Order())));
        foreach (NodeId node in Nodes(nodes))
        {
            Assert.That(sets.Any(set => set.Contains(node)), "every node is used");
            Assert.That(nodes == replicas || sets.Any(set => !set.Contains(node)), "no node is indispensable");
        }
    }

    private static ImmutableArray<NodeId> Set(int nodes, int replicas, int seed)
    {
        NodeId[] all = Nodes(nodes);
        new Random(seed).Shuffle(all);
        return [.. all.Take(replicas).Order()];
    }

    private static int Ceiling(int dividend, int divisor) => (dividend + divisor - 1) / divisor;

    private static string Text(ImmutableArray<NodeId> set) =>
        string.Join(' ', set.Select(node => BitConverter.ToInt32(node.Value.ToByteArray())));
}
