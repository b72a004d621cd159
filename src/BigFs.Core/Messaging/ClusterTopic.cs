namespace BigFs.Core.Messaging;

/// <summary>The topics; the relay's protocol carries their numbers, a broker their names.</summary>
public enum ClusterTopic
{
    /// <summary>Signs of life of the datanodes: <see cref="DataNodeHeartbeat"/>.</summary>
    DataNodeHeartbeats = 1,

    /// <summary>New versions of the cluster map: <see cref="ClusterMapChanged"/>.</summary>
    ClusterUpdates = 2,

    /// <summary>Signs of life of the file servers: <see cref="FileServerHeartbeat"/>.</summary>
    ServerHeartbeats = 3,

    /// <summary>What caches of metadata are to forget.</summary>
    MetadataInvalidations = 4,
}
