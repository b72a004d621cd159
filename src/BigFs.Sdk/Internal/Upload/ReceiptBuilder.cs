using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Transfer;

namespace BigFs.Internal.Upload;

/// <summary>What an upload rests on, from the replicas' own words, chunk by chunk; grows with volumes. Not thread-safe.</summary>
internal sealed class ReceiptBuilder
{
    private readonly SortedDictionary<VolumeId, Volume> _volumes = [];
    private BigFsDurability _durability;
    private int _chunks;
    private int _replicas = int.MaxValue;

    /// <summary>Adds a chunk.</summary>
    public void Add(WrittenChunk chunk)
    {
        if (!_volumes.TryGetValue(chunk.Reference.Volume, out Volume? volume))
        {
            _volumes[chunk.Reference.Volume] = volume = new Volume();
        }

        volume.Chunks++;
        volume.Bytes += chunk.Reference.Length;
        foreach (ReplicaAcknowledgement replica in chunk.Replicas)
        {
            volume.Nodes.Add(replica.Node);
            _durability = replica.Durability > _durability ? replica.Durability : _durability;
        }

        _chunks++;
        _replicas = Math.Min(_replicas, chunk.Replicas.Length);
    }

    /// <summary>The receipt.</summary>
    /// <param name="replicas">Asked for; what a file without chunks has.</param>
    /// <param name="crc32C">The content's checksum.</param>
    /// <param name="name">How safe the name is.</param>
    public DurabilityReceipt Build(int replicas, uint crc32C, NameDurability name) => new()
    {
        Replicas = _chunks == 0 ? replicas : _replicas,
        Durability = name.Durability > _durability ? name.Durability : _durability,
        Chunks = _chunks,
        Crc32C = crc32C,
        NameDurability = name.Engine,
        MetadataCopies = name.Copies,
        Volumes =
        [
            .. _volumes.Select(volume => new VolumeReceipt
            {
                Volume = volume.Key.Value,
                Nodes = [.. volume.Value.Nodes.Select(node => node.ToString())],
                Chunks = volume.Value.Chunks,
                Bytes = volume.Value.Bytes,
            }),
        ],
    };

    private sealed class Volume
    {
        public SortedSet<NodeId> Nodes { get; } = [];

        public int Chunks { get; set; }

        public long Bytes { get; set; }
    }
}
