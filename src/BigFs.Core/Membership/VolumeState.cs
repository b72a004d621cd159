namespace BigFs.Core.Membership;

/// <summary>A volume's state in the cluster map; the transitions are one table, <c>Replication.VolumeStates</c>.</summary>
public enum VolumeState
{
    /// <summary>Recorded, being created (or reopened) on its members; takes no writes yet.</summary>
    Opening = 1,

    /// <summary>Takes appends; its members never change.</summary>
    Open = 2,

    /// <summary>Being fenced and brought to the union of its reachable members under a new epoch.</summary>
    Sealing = 3,

    /// <summary>Takes no appends.</summary>
    Sealed = 4,
}
