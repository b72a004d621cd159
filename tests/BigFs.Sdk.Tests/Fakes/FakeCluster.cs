using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Sdk.Tests.Fakes;

/// <summary>A cluster in memory whose nodes and control plane fail when a test says so.</summary>
internal sealed class FakeCluster
{
    private long _nextKey;

    public FakeCluster(int nodes = 3, int replicas = 2)
    {
        Replicas = replicas;
        Nodes = [.. Enumerable.Range(1, nodes).Select(i => new NodeAddress(new NodeId(new Guid(i, 0, 0, new byte[8])), $"node-{i}:1"))];
        FileServer = new FakeFileServer(this);
        Transport = new FakeTransport(this);
    }

    public int Replicas { get; }

    public ImmutableArray<NodeAddress> Nodes { get; }

    /// <summary>The clock and the life of capabilities; where it is null, none is asked for.</summary>
    public (TimeProvider Time, TimeSpan Life)? Expiring { get; set; }

    public FakeFileServer FileServer { get; }

    public FakeTransport Transport { get; }

    /// <summary>Nodes that answer nothing.</summary>
    public ConcurrentDictionary<NodeId, bool> Down { get; } = new();

    public ConcurrentDictionary<(NodeId Node, ChunkKey Key), byte[]> Stored { get; } = new();

    public ConcurrentDictionary<BigFsPath, (BigFsFile File, ImmutableArray<ChunkReference> Manifest, byte[] Content)> Files { get; } = new();

    /// <summary>A capability of this moment: the time at which it ends.</summary>
    public ImmutableArray<byte> MakeCapability() => Expiring is { } expiring
        ? [.. BitConverter.GetBytes((expiring.Time.GetUtcNow() + expiring.Life).UtcTicks)]
        : [];

    public bool IsOutdated(ImmutableArray<byte> capability) => Expiring is { } expiring
        && (capability.IsEmpty || BitConverter.ToInt64(capability.AsSpan()) <= expiring.Time.GetUtcNow().UtcTicks);

    public BigFsClient Client(TimeProvider? time = null, double stallSeconds = 30, double operationSeconds = 30, double connectSeconds = 5) =>
        new(
            new BigFsClientOptions
            {
                StallTimeout = TimeSpan.FromSeconds(stallSeconds),
                OperationTimeout = TimeSpan.FromSeconds(operationSeconds),
                ConnectTimeout = TimeSpan.FromSeconds(connectSeconds),
            },
            FileServer,
            Transport,
            time);

    /// <summary>A pipeline over the next nodes in turn; a volume is a set of nodes.</summary>
    public ChunkGrant? MakeGrant(ImmutableArray<NodeId> avoid)
    {
        long key = Interlocked.Increment(ref _nextKey);
        var usable = Nodes.Where(node => !avoid.Contains(node.Id)).ToList();
        if (usable.Count < Replicas)
        {
            return null;
        }

        ImmutableArray<NodeAddress> pipeline =
            [.. Enumerable.Range(0, Replicas).Select(i => usable[(int)((key + i) % usable.Count)])];
        return new ChunkGrant
        {
            Key = ChunkKey.Create(1, key),
            Volume = VolumeOf(pipeline),
            Epoch = 1,
            Pipeline = pipeline,
            Capability = MakeCapability(),
        };
    }

    public ImmutableArray<VolumeLocation> Locate(IEnumerable<VolumeId> volumes) =>
        [.. volumes.Distinct().Select(volume => new VolumeLocation
        {
            Volume = volume,
            Epoch = 1,
            Members = [.. Nodes.Where((_, i) => (volume.Value & (1L << i)) != 0)],
            Capability = MakeCapability(),
        })];

    private VolumeId VolumeOf(ImmutableArray<NodeAddress> pipeline) =>
        new(pipeline.Sum(node => 1L << Nodes.IndexOf(node)));
}
