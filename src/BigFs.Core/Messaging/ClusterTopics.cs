namespace BigFs.Core.Messaging;

/// <summary>Names of topics, as brokers, logs and metrics have them.</summary>
public static class ClusterTopics
{
    /// <summary>The name, without a prefix.</summary>
    public static string Name(this ClusterTopic topic) => topic switch
    {
        ClusterTopic.DataNodeHeartbeats => "datanode_heartbeats",
        ClusterTopic.ClusterUpdates => "datanode_cluster_updates",
        ClusterTopic.ServerHeartbeats => "server_heartbeats",
        ClusterTopic.MetadataInvalidations => "metadata_invalidation_events",
        _ => throw new ArgumentOutOfRangeException(nameof(topic), topic, "No topic."),
    };
}
