using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Placement;
using BigFs.Core.Replication;
using NUnit.Framework;
using static BigFs.Core.Tests.Placement.PlacementCluster;

namespace BigFs.Core.Tests.Placement;

public sealed class WritablePlanTests
{
    private static readonly VolumeUse Small = new(IsFull: false, HasRoom: true, IsTroubled: false);

    [Test]
    public void Nothing_is_planned_while_fewer_nodes_are_up_than_replicas()
    {
        WritablePlan plan = WritablePlan.For(Map(1, 2), 2, _ => Small);
        Assert.That(plan.Create, Is.Empty);
    }

    [Test]
    public void New_volumes_are_made_where_none_stands_open()
    {
        WritablePlan plan = WritablePlan.For(Map(3, Volume(1, VolumeState.Opening, 1, 2)), 2, _ => Small);
        Assert.That(plan.Create, Has.Length.EqualTo(2));
        Assert.That(plan.Reopen, Is.Empty);
    }

    [Test]
    public void A_sealed_volume_with_room_is_reopened_rather_than_a_new_one_made()
    {
        WritablePlan plan = WritablePlan.For(Map(2, Volume(1, VolumeState.Sealed, 1, 2)), 2, _ => Small);
        Assert.That(plan.Reopen, Is.EqualTo(new[] { new VolumeId(1) }));
        Assert.That(plan.Create, Is.Empty);
    }

    [Test]
    public void A_volume_that_is_being_brought_together_is_waited_for()
    {
        WritablePlan plan = WritablePlan.For(Map(2, Volume(1, VolumeState.Sealing, 1, 2)), 2, _ => Small);
        Assert.That(plan.Reopen, Is.Empty);
        Assert.That(plan.Create, Is.Empty);
    }

    [Test]
    public void A_volume_in_trouble_or_half_full_is_not_waited_for()
    {
        ClusterMap map = Map(2, Volume(1, VolumeState.Sealing, 1, 2), Volume(2, VolumeState.Sealed, 1, 2));
        WritablePlan plan = WritablePlan.For(
            map, 2, id => id.Value == 1 ? Small with { IsTroubled = true } : Small with { HasRoom = false });
        Assert.That(plan.Reopen, Is.Empty);
        Assert.That(plan.Create, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_full_volume_is_closed_only_when_its_successor_stands_open()
    {
        VolumeUse Use(VolumeId id) => Small with { IsFull = id.Value == 1, HasRoom = id.Value != 1 };
        ClusterVolume full = Volume(1, VolumeState.Open, 1, 2);
        Assert.That(WritablePlan.For(Map(2, full), 2, Use).Create, Has.Length.EqualTo(1));
        Assert.That(WritablePlan.For(Map(2, full), 2, Use).Close, Is.Empty);
        Assert.That(WritablePlan.For(Map(2, full, Volume(2, VolumeState.Opening, 1, 2)), 2, Use).Close, Is.Empty);
        Assert.That(
            WritablePlan.For(Map(2, full, Volume(2, VolumeState.Open, 1, 2)), 2, Use).Close,
            Is.EqualTo(new[] { new VolumeId(1) }));
    }
}
