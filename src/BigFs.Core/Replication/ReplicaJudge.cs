using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Replication;

/// <summary>Decides what a node's word, or its silence, means for a volume that it is a member of. Pure.</summary>
public static class ReplicaJudge
{
    /// <summary>The volume after the effects of a node's transition; itself when nothing follows.</summary>
    /// <param name="volume">The volume; others than the node's are returned as they are.</param>
    /// <param name="node">The member.</param>
    /// <param name="report">What the node says of its replica; null when it has none, or said nothing.</param>
    /// <param name="effects">What the node's transition asks for.</param>
    public static VolumeRecord Judge(VolumeRecord volume, NodeId node, VolumeReport? report, NodeEffects effects)
    {
        ArgumentNullException.ThrowIfNull(volume);
        if (!volume.Has(node))
        {
            return volume;
        }

        if (effects.HasFlag(NodeEffects.DoubtReplicas)
            || (effects.HasFlag(NodeEffects.JudgeReplicas) && !IsAsExpected(volume, report)))
        {
            return volume.With(node, verified: false).After(VolumeEvent.Doubted);
        }

        return effects.HasFlag(NodeEffects.EndAppends) ? volume.After(VolumeEvent.Doubted) : volume;
    }

    private static bool IsAsExpected(VolumeRecord volume, VolumeReport? report)
    {
        if (report is null)
        {
            // Orders to make the replica may not have reached it yet; whatever was open once is missing now.
            return !volume.WasOpen && volume.State != VolumeState.Sealed;
        }

        return report.State != ReplicaState.Failed && volume.State switch
        {
            VolumeState.Open => report.Epoch == volume.Epoch && report.State == ReplicaState.Open,
            VolumeState.Sealed => report.Epoch == volume.Epoch,
            _ => true, // Orders are under way; they say for themselves what fails.
        };
    }
}
