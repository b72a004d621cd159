using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// What an order makes of a volume's epoch and state on one node: pure functions. Next is null when nothing changes.
/// Members are compared as they stand: both sides ordered by id.
/// </summary>
/// <remarks>
/// <code>
/// state   | order of a higher epoch         | same epoch and members      | same epoch, other members, or lower epoch
/// Open    | open: WrongEpoch; fence: Fenced | open: Ok;  fence: Fenced    | WrongEpoch
/// Fenced  | fence: Fenced; seal: Sealed     | fence: Ok; seal: Sealed     | WrongEpoch
/// Sealed  | open: Open; fence: Fenced;      | fence, seal: Ok             | WrongEpoch
///         | seal: Sealed                    |                             |
/// </code>
/// What is not listed is NotOpen: sealing an open volume, opening a fenced one, opening again under an epoch that was
/// fenced or sealed.
/// </remarks>
internal static class VolumeRules
{
    public static (ChunkStatus Status, VolumeEpoch? Next) Open(VolumeEpoch now, VolumeOrder order) =>
        (Compare(now, order), now.State) switch
        {
            (Relation.Older, _) => (ChunkStatus.WrongEpoch, null),
            (Relation.Same, ReplicaState.Open) => (ChunkStatus.Ok, null),
            (Relation.Newer, ReplicaState.Sealed) => (ChunkStatus.Ok, Next(order, ReplicaState.Open)),
            (Relation.Newer, ReplicaState.Open) => (ChunkStatus.WrongEpoch, null),
            _ => (ChunkStatus.NotOpen, null),
        };

    public static (ChunkStatus Status, VolumeEpoch? Next) Fence(VolumeEpoch now, VolumeOrder order) =>
        (Compare(now, order), now.State) switch
        {
            (Relation.Older, _) => (ChunkStatus.WrongEpoch, null),
            (Relation.Same, ReplicaState.Fenced or ReplicaState.Sealed) => (ChunkStatus.Ok, null),
            _ => (ChunkStatus.Ok, Next(order, ReplicaState.Fenced)),
        };

    public static (ChunkStatus Status, VolumeEpoch? Next) Seal(VolumeEpoch now, VolumeOrder order) =>
        (Compare(now, order), now.State) switch
        {
            (Relation.Older, _) => (ChunkStatus.WrongEpoch, null),
            (_, ReplicaState.Open) => (ChunkStatus.NotOpen, null),
            (Relation.Same, ReplicaState.Sealed) => (ChunkStatus.Ok, null),
            _ => (ChunkStatus.Ok, Next(order, ReplicaState.Sealed)),
        };

    /// <summary>Whether both are the same set; the second may come in any order.</summary>
    public static bool AreSame(ImmutableArray<NodeId> ordered, ImmutableArray<NodeId> others) =>
        !others.IsDefault && ordered.Length == others.Length && ordered.All(member => others.Contains(member));

    private static Relation Compare(VolumeEpoch now, VolumeOrder order) => order.Epoch.CompareTo(now.Epoch) switch
    {
        > 0 => Relation.Newer,
        0 when AreSame(now.Members, order.Members) => Relation.Same,
        _ => Relation.Older,
    };

    private static VolumeEpoch Next(VolumeOrder order, ReplicaState state) => new(order.Epoch, state, order.Members);

    /// <summary>An order's epoch beside the volume's; the same epoch with other members counts as older.</summary>
    private enum Relation
    {
        Older,
        Same,
        Newer,
    }
}
