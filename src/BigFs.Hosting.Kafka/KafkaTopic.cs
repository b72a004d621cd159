using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Messaging;
using Confluent.Kafka.Admin;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// A topic as it is made when it is missing; one that is there is taken as it is. Heartbeats are stale within seconds, and
/// what the others hint at can be asked for, so little is kept.
/// </summary>
/// <param name="Topic">Which.</param>
/// <param name="Partitions">Events with the same key share one and stay in order.</param>
/// <param name="Retention">How long the broker keeps events.</param>
internal sealed record KafkaTopic(ClusterTopic Topic, int Partitions, TimeSpan Retention)
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<KafkaTopic> All { get; } =
    [
        new(ClusterTopic.DataNodeHeartbeats, 4, TimeSpan.FromMinutes(10)),
        new(ClusterTopic.ClusterUpdates, 1, TimeSpan.FromHours(1)),
        new(ClusterTopic.ServerHeartbeats, 4, TimeSpan.FromMinutes(10)),
        new(ClusterTopic.MetadataInvalidations, 8, TimeSpan.FromHours(1)),
    ];

    /// <summary>Its name at the broker.</summary>
    public string Name(string prefix) => prefix + Topic.Name();

    /// <summary>How it is made.</summary>
    /// <param name="prefix">Stands before its name.</param>
    /// <param name="replicationFactor">Brokers that keep it; 0 for their own default.</param>
    public TopicSpecification Specification(string prefix, int replicationFactor)
    {
        string milliseconds = Retention.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
        return new TopicSpecification
        {
            Name = Name(prefix),
            NumPartitions = Partitions,
            ReplicationFactor = (short)(replicationFactor == 0 ? -1 : replicationFactor),
            Configs = new Dictionary<string, string>
            {
                ["cleanup.policy"] = "delete",
                ["retention.ms"] = milliseconds,

                // When it came, by the brokers' clock: retention does not hang on the clocks of publishers.
                ["message.timestamp.type"] = "LogAppendTime",

                // Only whole segments are removed: none is to last longer than what it keeps.
                ["segment.ms"] = milliseconds,
            },
        };
    }
}
