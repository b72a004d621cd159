using BigFs.Core.Messaging;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>Events of every kind, every field unlike its default.</summary>
internal static class BusSamples
{
    public static IEnumerable<ClusterEvent> All =>
        [Heartbeat(5), ServerHeartbeat(5), new ClusterMapChanged { Version = 42 }, new MetadataInvalidated { Paths = ["/a", "/b/c"], Trees = ["/d"] }];

    public static DataNodeHeartbeat Heartbeat(long incarnation) => new()
    {
        Node = new NodeId(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff")),
        Incarnation = incarnation,
        Sequence = 3,
        ControlEndpoint = "127.0.0.1:7",
        Load = new DataNodeLoad
        {
            Process = Process,
            DiskFreeBytes = 11,
            ReadBytesPerSecond = 12,
            WrittenBytesPerSecond = 13,
            Volumes = 14,
            OpenVolumes = 15,
            QueuedAppends = 16,
        },
    };

    public static FileServerHeartbeat ServerHeartbeat(long incarnation) => new()
    {
        Server = "file-server@127.0.0.1:8",
        Endpoint = "127.0.0.1:8",
        Incarnation = incarnation,
        Sequence = 4,
        IsDrained = true,
        CallsInFlight = 5,
        CallsPerSecond = 6,
        Process = Process,
    };

    private static ProcessLoad Process => new()
    {
        CpuCores = 0.5,
        Cores = 2,
        ResidentBytes = 1,
        MemoryAvailableBytes = 3,
        MemoryTotalBytes = 4,
        NetworkReceivedBytesPerSecond = 5,
        NetworkSentBytesPerSecond = 6,
    };
}
