namespace BigFs.Core.Messaging;

/// <summary>The cluster map has a new version; who needs it asks the node manager.</summary>
public sealed record ClusterMapChanged : ClusterEvent
{
    /// <inheritdoc/>
    public override ClusterTopic Topic => ClusterTopic.ClusterUpdates;

    /// <inheritdoc/>
    public override string Key => "map";

    /// <summary>The version.</summary>
    public required long Version { get; init; }
}
