using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Placement;
using BigFs.Core.Replication;
using CsCheck;
using NUnit.Framework;
using static BigFs.Core.Tests.Placement.PlacementCluster;

namespace BigFs.Core.Tests.Placement;

public sealed class GrantPlannerTests
{
    private static readonly ClusterMap ThreePairs = Map(
        3, Volume(1, VolumeState.Open, 1, 2), Volume(2, VolumeState.Open, 1, 3), Volume(3, VolumeState.Open, 2, 3));

    [Test]
    public void Chunks_that_belong_together_share_a_volume_and_the_next_ones_take_another()
    {
        var planner = new GrantPlanner();

        PlannedChunk[][] batches = [.. Enumerable.Range(0, 3).Select(_ => planner.Plan(ThreePairs, 2, [], 64, together: true).Chunks.ToArray())];

        Assert.That(batches.Select(batch => batch.Select(chunk => chunk.Volume).Distinct().Count()), Is.All.EqualTo(1));
        Assert.That(batches.Select(batch => batch[0].Volume).Distinct().Count(), Is.EqualTo(3));
    }

    [Test]
    public void Volumes_take_turns_and_every_node_is_head_equally_often()
    {
        var planner = new GrantPlanner();
        PlannedChunk[] chunks = [.. Enumerable.Range(0, 10).SelectMany(_ => planner.Plan(ThreePairs, 2, [], 6).Chunks)];
        Assert.That(chunks.CountBy(chunk => chunk.Volume).Select(pair => pair.Value), Is.EqualTo(new[] { 20, 20, 20 }));
        Assert.That(chunks.CountBy(chunk => chunk.Members[0]).Select(pair => pair.Value), Is.EqualTo(new[] { 20, 20, 20 }));
    }

    [Test]
    public void A_place_has_all_members_once_and_the_volumes_epoch()
    {
        var planner = new GrantPlanner();
        ClusterMap map = Map(4, Volume(7, VolumeState.Open, 1, 2, 4));
        Gen.Int[1, 64].Sample(count =>
        {
            foreach (PlannedChunk chunk in planner.Plan(map, 3, [], count).Chunks)
            {
                Assert.That(chunk.Epoch, Is.EqualTo(70));
                Assert.That(chunk.Members, Is.EquivalentTo(new[] { Node(1), Node(2), Node(4) }));
            }
        }, threads: 1);
    }

    [Test]
    public void Avoided_nodes_are_avoided()
    {
        GrantPlan plan = new GrantPlanner().Plan(ThreePairs, 2, [Node(1)], 5);
        Assert.That(plan.Status, Is.EqualTo(GrantPlanStatus.Planned));
        Assert.That(plan.Chunks.Select(chunk => chunk.Volume), Is.All.EqualTo(new VolumeId(3)));
    }

    [Test]
    public void Fewer_nodes_up_than_replicas_is_a_shortage_with_its_numbers()
    {
        GrantPlan plan = new GrantPlanner().Plan(Map(1, 2, Volume(1, VolumeState.Open, 1, 2)), 2, [], 1);
        Assert.That(
            (plan.Status, plan.NodesUp), Is.EqualTo((GrantPlanStatus.NotEnoughNodes, 1)));
    }

    [Test]
    public void Enough_nodes_without_an_open_volume_need_volumes()
    {
        ClusterMap map = Map(
            3,
            1,
            Volume(1, VolumeState.Sealed, 1, 2),
            Volume(2, VolumeState.Opening, 1, 3),
            Volume(3, VolumeState.Open, 1, 4),
            Volume(4, VolumeState.Open, 1, 2, 3));
        Assert.That(new GrantPlanner().Plan(map, 2, [], 1).Status, Is.EqualTo(GrantPlanStatus.NeedsVolumes));
        Assert.That(
            new GrantPlanner().Plan(ThreePairs, 2, [Node(1), Node(2)], 1).Status, Is.EqualTo(GrantPlanStatus.NeedsVolumes));
    }
}
