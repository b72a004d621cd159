using System.Diagnostics.Metrics;

namespace BigFs.Core.Messaging;

/// <summary>What all buses of the process count; tag "topic" everywhere.</summary>
public static class ClusterBusMetrics
{
    private static readonly Meter Meter = new("BigFs");

    private static readonly Counter<long> PublishedCount =
        Meter.CreateCounter<long>("bigfs.bus.published", "{event}", "Events handed to the bus.");

    private static readonly Counter<long> ReceivedCount =
        Meter.CreateCounter<long>("bigfs.bus.received", "{event}", "Events that came by the bus.");

    private static readonly Counter<long> LostCount =
        Meter.CreateCounter<long>("bigfs.bus.lost", "{event}", "Events dropped from a full queue or not taken by the bus in time.");

    private static readonly Counter<long> SetAsideCount =
        Meter.CreateCounter<long>("bigfs.bus.set_aside", "{message}", "Messages that are not understood, by \"reason\".");

    /// <summary>An event was handed to the bus.</summary>
    public static void Published(ClusterTopic topic) => PublishedCount.Add(1, Tag(topic));

    /// <summary>An event came by the bus.</summary>
    public static void Received(ClusterTopic topic) => ReceivedCount.Add(1, Tag(topic));

    /// <summary>An event was lost on its way.</summary>
    public static void Lost(ClusterTopic topic) => LostCount.Add(1, Tag(topic));

    /// <summary>A message was set aside.</summary>
    internal static void SetAside(string topic, SetAsideReason reason) =>
        SetAsideCount.Add(1, new KeyValuePair<string, object?>("topic", topic), new("reason", reason.ToString()));

    private static KeyValuePair<string, object?> Tag(ClusterTopic topic) => new("topic", topic.Name());
}
