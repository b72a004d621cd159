using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Replication;

public sealed class VolumeStatesTests
{
    [Test]
    public void No_state_and_event_has_two_rows()
    {
        Assert.That(VolumeStates.Table.Select(row => (row.State, row.Event)), Is.Unique);
    }

    [Test]
    public void Whatever_ends_or_begins_appends_makes_a_new_epoch()
    {
        foreach (VolumeTransition row in VolumeStates.Table)
        {
            bool ends = row.State is VolumeState.Opening or VolumeState.Open && row.Next is VolumeState.Sealing;
            bool begins = row.Next == VolumeState.Opening;
            Assert.That(row.Effects.HasFlag(VolumeEffects.NewEpoch), Is.EqualTo(ends || begins), $"{row}");
        }
    }

    [Test]
    public void A_volume_takes_appends_only_after_all_members_opened_and_a_sealed_one_only_under_a_higher_epoch()
    {
        Gen.Int[1, 5].Select(number => (VolumeEvent)number).Array[0, 40].Sample(events =>
        {
            VolumeRecord volume = New();
            long openUnder = 0;
            foreach (VolumeEvent happened in events)
            {
                VolumeRecord next = volume.After(happened);
                Assert.That(next.Epoch, Is.GreaterThanOrEqualTo(volume.Epoch));
                Assert.That(next.WasOpen || !volume.WasOpen);
                if (next.State == VolumeState.Open && volume.State != VolumeState.Open)
                {
                    Assert.That(happened, Is.EqualTo(VolumeEvent.Opened));
                    Assert.That(next.Epoch, Is.GreaterThan(openUnder));
                    openUnder = next.Epoch;
                }

                volume = next;
            }
        });
    }

    [Test]
    public void An_event_that_changes_nothing_gives_the_same_volume_back()
    {
        VolumeRecord volume = New();
        Assert.That(volume.After(VolumeEvent.Joined), Is.SameAs(volume));
        VolumeRecord sealing = volume.After(VolumeEvent.Doubted);
        Assert.That(sealing.After(VolumeEvent.Doubted), Is.SameAs(sealing));
    }

    [Test]
    public void The_table_in_the_docs_is_the_table_in_the_code()
    {
        var rows = VolumeStates.Table.Select(
            row => $"| {row.State} | {row.Event} | {row.Next} | {row.Effects.ToString().Replace(",", " +")} |");
        Assert.That(StateTablesPage.Rows("## Volumes"), Is.EqualTo(rows));
    }

    private static VolumeRecord New() => new()
    {
        Id = new VolumeId(1),
        Epoch = 1,
        State = VolumeState.Opening,
        WasOpen = false,
        Members = [new VolumeMember(new NodeId(Guid.Empty), true)],
    };
}
