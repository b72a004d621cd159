using System.Collections.Immutable;

namespace BigFs.Core.Membership;

/// <summary>What happens to a datanode, as the node manager sees it.</summary>
public enum NodeEvent
{
    /// <summary>It answered a probe, or registered again, under the incarnation that is known.</summary>
    Answered = 1,

    /// <summary>It is there under another incarnation, after a clean stop or for the first time.</summary>
    RestartedCleanly = 2,

    /// <summary>It is there under another incarnation, and the one before did not end cleanly.</summary>
    RestartedUncleanly = 3,

    /// <summary>No heartbeat came for the time after which one begins to wonder.</summary>
    Silent = 4,

    /// <summary>A client saw it fail: a hint.</summary>
    Accused = 5,

    /// <summary>It was probed as often as the settings say and did not answer.</summary>
    ProbeFailed = 6,

    /// <summary>It was probed again and did not answer, and nothing was heard of it for the time that a return may take.</summary>
    Overdue = 7,
}

/// <summary>What follows from an event on a node, beside its new state.</summary>
[Flags]
public enum NodeEffects
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Ask the node itself.</summary>
    Probe = 1,

    /// <summary>Compare the volumes that it reports with the map; what does not fit becomes doubtful.</summary>
    JudgeReplicas = 2,

    /// <summary>Every replica on it is unverified until it has been compared with its peers.</summary>
    DoubtReplicas = 4,

    /// <summary>End the appends of every volume that it is a member of.</summary>
    EndAppends = 8,
}

/// <summary>The table of node states: state and event give the next state and the effects. Pure.</summary>
public static class NodeStates
{
    /// <summary>Every transition; what is not listed cannot happen.</summary>
    public static ImmutableArray<NodeTransition> Table { get; } =
    [
        new(NodeState.Joining, NodeEvent.Answered, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Joining, NodeEvent.RestartedCleanly, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Joining, NodeEvent.RestartedUncleanly, NodeState.Up, NodeEffects.DoubtReplicas | NodeEffects.EndAppends),
        new(NodeState.Joining, NodeEvent.Silent, NodeState.Joining, NodeEffects.Probe),
        new(NodeState.Joining, NodeEvent.Accused, NodeState.Joining, NodeEffects.Probe),
        new(NodeState.Joining, NodeEvent.ProbeFailed, NodeState.Suspect, NodeEffects.EndAppends),
        new(NodeState.Joining, NodeEvent.Overdue, NodeState.Suspect, NodeEffects.EndAppends),
        new(NodeState.Up, NodeEvent.Answered, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Up, NodeEvent.RestartedCleanly, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Up, NodeEvent.RestartedUncleanly, NodeState.Up, NodeEffects.DoubtReplicas | NodeEffects.EndAppends),
        new(NodeState.Up, NodeEvent.Silent, NodeState.Up, NodeEffects.Probe),
        new(NodeState.Up, NodeEvent.Accused, NodeState.Up, NodeEffects.Probe),
        new(NodeState.Up, NodeEvent.ProbeFailed, NodeState.Suspect, NodeEffects.EndAppends),
        new(NodeState.Up, NodeEvent.Overdue, NodeState.Suspect, NodeEffects.EndAppends),
        new(NodeState.Suspect, NodeEvent.Answered, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Suspect, NodeEvent.RestartedCleanly, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Suspect, NodeEvent.RestartedUncleanly, NodeState.Up, NodeEffects.DoubtReplicas | NodeEffects.EndAppends),
        new(NodeState.Suspect, NodeEvent.Silent, NodeState.Suspect, NodeEffects.Probe),
        new(NodeState.Suspect, NodeEvent.Accused, NodeState.Suspect, NodeEffects.Probe),
        new(NodeState.Suspect, NodeEvent.ProbeFailed, NodeState.Suspect, NodeEffects.None),
        new(NodeState.Suspect, NodeEvent.Overdue, NodeState.Dead, NodeEffects.None),
        new(NodeState.Dead, NodeEvent.Answered, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Dead, NodeEvent.RestartedCleanly, NodeState.Up, NodeEffects.JudgeReplicas),
        new(NodeState.Dead, NodeEvent.RestartedUncleanly, NodeState.Up, NodeEffects.DoubtReplicas | NodeEffects.EndAppends),
        new(NodeState.Dead, NodeEvent.Silent, NodeState.Dead, NodeEffects.Probe),
        new(NodeState.Dead, NodeEvent.Accused, NodeState.Dead, NodeEffects.Probe),
        new(NodeState.Dead, NodeEvent.ProbeFailed, NodeState.Dead, NodeEffects.None),
        new(NodeState.Dead, NodeEvent.Overdue, NodeState.Dead, NodeEffects.None),
    ];

    /// <summary>Looks a transition up.</summary>
    public static NodeTransition Next(NodeState state, NodeEvent happened)
    {
        foreach (NodeTransition transition in Table)
        {
            if (transition.State == state && transition.Event == happened)
            {
                return transition;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(happened), $"{happened} cannot happen to a node that is {state}.");
    }
}

/// <summary>A row of the table of node states.</summary>
/// <param name="State">The state before.</param>
/// <param name="Event">What happened.</param>
/// <param name="Next">The state after.</param>
/// <param name="Effects">What is to be done.</param>
public readonly record struct NodeTransition(NodeState State, NodeEvent Event, NodeState Next, NodeEffects Effects);
