using System.Collections.Immutable;
using BigFs.Core.Membership;

namespace BigFs.Core.Replication;

/// <summary>What happens to a volume.</summary>
public enum VolumeEvent
{
    /// <summary>Every member has opened its replica.</summary>
    Opened = 1,

    /// <summary>A member failed a probe, restarted uncleanly, lost its disk, or is not as the map says.</summary>
    Doubted = 2,

    /// <summary>It is full, and a successor stands open.</summary>
    Filled = 3,

    /// <summary>The members that took part hold the union of what they held, durably and closed for appends.</summary>
    Joined = 4,

    /// <summary>All members are up, verified and hold the same; it is to take appends again.</summary>
    Reopened = 5,
}

/// <summary>What follows from an event on a volume, beside its new state.</summary>
[Flags]
public enum VolumeEffects
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The epoch grows by one, in the same transaction.</summary>
    NewEpoch = 1,

    /// <summary>Its members are ordered to open their replicas under the epoch.</summary>
    OpenReplicas = 2,

    /// <summary>Its members are fenced under the epoch, brought together and sealed.</summary>
    JoinReplicas = 4,

    /// <summary>Whoever took part is verified, in the same transaction.</summary>
    Verify = 8,
}

/// <summary>The table of volume states: state and event give the next state and the effects. Pure.</summary>
public static class VolumeStates
{
    /// <summary>Every transition; an event that is not listed for a state changes nothing.</summary>
    public static ImmutableArray<VolumeTransition> Table { get; } =
    [
        new(VolumeState.Opening, VolumeEvent.Opened, VolumeState.Open, VolumeEffects.None),
        new(VolumeState.Opening, VolumeEvent.Doubted, VolumeState.Sealing, VolumeEffects.NewEpoch | VolumeEffects.JoinReplicas),
        new(VolumeState.Open, VolumeEvent.Doubted, VolumeState.Sealing, VolumeEffects.NewEpoch | VolumeEffects.JoinReplicas),
        new(VolumeState.Open, VolumeEvent.Filled, VolumeState.Sealing, VolumeEffects.NewEpoch | VolumeEffects.JoinReplicas),
        new(VolumeState.Sealing, VolumeEvent.Doubted, VolumeState.Sealing, VolumeEffects.JoinReplicas),
        new(VolumeState.Sealing, VolumeEvent.Joined, VolumeState.Sealed, VolumeEffects.Verify),
        new(VolumeState.Sealed, VolumeEvent.Doubted, VolumeState.Sealed, VolumeEffects.JoinReplicas),
        new(VolumeState.Sealed, VolumeEvent.Joined, VolumeState.Sealed, VolumeEffects.Verify),
        new(VolumeState.Sealed, VolumeEvent.Reopened, VolumeState.Opening, VolumeEffects.NewEpoch | VolumeEffects.OpenReplicas),
    ];

    /// <summary>Looks a transition up; null when the event changes nothing in this state.</summary>
    public static VolumeTransition? Next(VolumeState state, VolumeEvent happened)
    {
        foreach (VolumeTransition transition in Table)
        {
            if (transition.State == state && transition.Event == happened)
            {
                return transition;
            }
        }

        return null;
    }
}

/// <summary>A row of the table of volume states.</summary>
/// <param name="State">The state before.</param>
/// <param name="Event">What happened.</param>
/// <param name="Next">The state after.</param>
/// <param name="Effects">What is to be done.</param>
public readonly record struct VolumeTransition(
    VolumeState State, VolumeEvent Event, VolumeState Next, VolumeEffects Effects);
