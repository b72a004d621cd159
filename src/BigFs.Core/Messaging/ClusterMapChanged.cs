using BigFs.Core.Membership;

namespace BigFs.Core.Messaging;

/// <summary>The cluster map has a new version. Who has the version before makes it from the delta; others ask the node manager.</summary>
public sealed record ClusterMapChanged : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.ClusterUpdates;

    /// <inheritdoc/>
    public override string Key => "map";

    /// <summary>The version.</summary>
    public required long Version { get; init; }

    /// <summary>What changed; null when that is too much for an event.</summary>
    public ClusterMapDelta? Delta { get; init; }
}
