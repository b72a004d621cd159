using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Replication;

public sealed class ReplicaJudgeTests
{
    private static readonly NodeId A = new(new Guid(1, 0, 0, new byte[8]));
    private static readonly NodeId B = new(new Guid(2, 0, 0, new byte[8]));

    [Test]
    public void A_replica_as_expected_stays_verified_and_its_volume_open()
    {
        VolumeRecord volume = Volume(VolumeState.Open);
        Assert.That(
            ReplicaJudge.Judge(volume, A, Report(5, ReplicaState.Open), NodeEffects.JudgeReplicas), Is.SameAs(volume));
    }

    [TestCase(4, ReplicaState.Open)]
    [TestCase(5, ReplicaState.Fenced)]
    [TestCase(5, ReplicaState.Failed)]
    public void An_open_volume_ends_its_appends_when_a_replica_is_not_as_the_map_says(long epoch, ReplicaState state)
    {
        VolumeRecord after = ReplicaJudge.Judge(
            Volume(VolumeState.Open), A, Report(epoch, state), NodeEffects.JudgeReplicas);
        Assert.That(after.State, Is.EqualTo(VolumeState.Sealing));
        Assert.That(after.Epoch, Is.EqualTo(6));
        Assert.That(after.Members, Is.EqualTo(new[] { new VolumeMember(A, false), new VolumeMember(B, true) }));
    }

    [Test]
    public void A_replica_that_missed_the_seal_is_unverified_until_it_has_been_compared()
    {
        VolumeRecord after = ReplicaJudge.Judge(
            Volume(VolumeState.Sealed), A, Report(4, ReplicaState.Open), NodeEffects.JudgeReplicas);
        Assert.That(after.State, Is.EqualTo(VolumeState.Sealed));
        Assert.That(after.Epoch, Is.EqualTo(5));
        Assert.That(after.Members[0].Verified, Is.False);
    }

    [Test]
    public void A_missing_replica_is_doubtful_unless_the_volume_never_took_anything()
    {
        VolumeRecord used = Volume(VolumeState.Sealing);
        Assert.That(ReplicaJudge.Judge(used, A, null, NodeEffects.JudgeReplicas).Members[0].Verified, Is.False);
        VolumeRecord unused = Volume(VolumeState.Opening) with { WasOpen = false };
        Assert.That(ReplicaJudge.Judge(unused, A, null, NodeEffects.JudgeReplicas), Is.SameAs(unused));
    }

    [Test]
    public void An_unclean_restart_makes_every_replica_of_the_node_unverified_and_nobody_elses([Values] VolumeState state)
    {
        VolumeRecord volume = Volume(state);
        VolumeRecord after = ReplicaJudge.Judge(
            volume, B, Report(5, ReplicaState.Open), NodeEffects.DoubtReplicas | NodeEffects.EndAppends);
        Assert.That(after.Members, Is.EqualTo(new[] { new VolumeMember(A, true), new VolumeMember(B, false) }));
        Assert.That(after.State, Is.EqualTo(state == VolumeState.Sealed ? VolumeState.Sealed : VolumeState.Sealing));
    }

    [Test]
    public void A_silent_node_ends_appends_but_what_it_holds_is_not_doubted()
    {
        VolumeRecord after = ReplicaJudge.Judge(Volume(VolumeState.Open), A, null, NodeEffects.EndAppends);
        Assert.That(after.State, Is.EqualTo(VolumeState.Sealing));
        Assert.That(after.Members.Select(member => member.Verified), Is.All.True);
    }

    [Test]
    public void Volumes_of_others_are_left_alone()
    {
        VolumeRecord volume = Volume(VolumeState.Open);
        var stranger = new NodeId(new Guid(9, 0, 0, new byte[8]));
        Assert.That(ReplicaJudge.Judge(volume, stranger, null, NodeEffects.DoubtReplicas), Is.SameAs(volume));
    }

    private static VolumeRecord Volume(VolumeState state) => new()
    {
        Id = new VolumeId(1),
        Epoch = 5,
        State = state,
        WasOpen = true,
        Members = [new VolumeMember(A, true), new VolumeMember(B, true)],
    };

    private static VolumeReport Report(long epoch, ReplicaState state) =>
        new() { Volume = new VolumeId(1), Epoch = epoch, State = state, Chunks = 0, Bytes = 0 };
}
