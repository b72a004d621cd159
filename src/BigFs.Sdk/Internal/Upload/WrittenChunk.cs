using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Transfer;

namespace BigFs.Internal.Upload;

/// <summary>A chunk that every replica has acknowledged.</summary>
internal sealed record WrittenChunk(ChunkReference Reference, ImmutableArray<ReplicaAcknowledgement> Replicas)
{
    /// <summary>What an upload of this chunk alone rests on.</summary>
    public DurabilityReceipt Receipt(uint crc32C, NameDurability name)
    {
        BigFsDurability durability = name.Durability;
        string[] nodes = new string[Replicas.Length];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = Replicas[i].Node.ToString();
            durability = Replicas[i].Durability > durability ? Replicas[i].Durability : durability;
        }

        Array.Sort(nodes, StringComparer.Ordinal);
        return new DurabilityReceipt
        {
            Replicas = nodes.Length,
            Durability = durability,
            Chunks = 1,
            Crc32C = crc32C,
            NameDurability = name.Engine,
            MetadataCopies = name.Copies,
            Volumes =
            [
                new VolumeReceipt { Volume = Reference.Volume.Value, Nodes = nodes, Chunks = 1, Bytes = Reference.Length },
            ],
        };
    }

    /// <summary>What a file without chunks rests on: an empty one, or one whose content the metadata hold.</summary>
    public static DurabilityReceipt Receipt(BigFsFile file, NameDurability name) => new()
    {
        Replicas = file.Size == 0 ? file.Replicas : 0,
        Durability = name.Durability,
        Crc32C = file.Crc32C,
        NameDurability = name.Engine,
        Inline = file.Size > 0,
        MetadataCopies = name.Copies,
    };
}
