using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Transfer;

namespace BigFs.Internal.Upload;

/// <summary>A chunk that every replica has acknowledged.</summary>
internal sealed record WrittenChunk(ChunkReference Reference, ImmutableArray<ReplicaAcknowledgement> Replicas)
{
    /// <summary>What an upload of these chunks rests on, from the replicas' own words.</summary>
    public static DurabilityReceipt Receipt(
        IReadOnlyList<WrittenChunk> chunks, int replicas, uint crc32C, NameDurability name) => new()
        {
            Replicas = chunks.Count == 0 ? replicas : chunks.Min(chunk => chunk.Replicas.Length),
            Durability = chunks.SelectMany(chunk => chunk.Replicas)
                .Select(replica => replica.Durability).Append(name.Durability).Max(),
            Chunks = chunks.Count,
            Crc32C = crc32C,
            NameDurability = name.Engine,
            Volumes =
            [
                .. chunks.GroupBy(chunk => chunk.Reference.Volume).OrderBy(volume => volume.Key).Select(volume => new VolumeReceipt
                {
                    Volume = volume.Key.Value,
                    Nodes = [.. volume.SelectMany(chunk => chunk.Replicas).Select(replica => replica.Node).Distinct().Order().Select(node => node.ToString())],
                    Chunks = volume.Count(),
                    Bytes = volume.Sum(chunk => (long)chunk.Reference.Length),
                }),
            ],
        };
}
