namespace BigFs.Core.Membership;

/// <summary>
/// A datanode's state as the node manager sees it; the transitions are one table, <c>NodeStates</c>. The numbers travel; 5 to 7
/// are kept for draining, drained and removed.
/// </summary>
public enum NodeState
{
    /// <summary>Known, not yet heard from since the node manager started.</summary>
    Joining = 1,

    /// <summary>Alive: takes placements.</summary>
    Up = 2,

    /// <summary>Silent and a probe failed: no new placement, its open volumes are sealed.</summary>
    Suspect = 3,

    /// <summary>Suspect for so long that its return is not counted on. It is still asked, and is up again when it answers.</summary>
    Dead = 4,
}
