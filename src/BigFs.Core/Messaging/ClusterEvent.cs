namespace BigFs.Core.Messaging;

/// <summary>An event on the bus.</summary>
public abstract record ClusterEvent
{
    /// <summary>Where it is published.</summary>
    public abstract ClusterTopic Topic { get; }

    /// <summary>
    /// What it is about: a node, a server, the map, a path. One publisher's events with the same key arrive in order; empty when
    /// order does not matter.
    /// </summary>
    public virtual string Key => "";
}
