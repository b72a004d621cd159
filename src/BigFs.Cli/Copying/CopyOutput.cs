using System.Globalization;
using System.Text.Json;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>What is told of a file that was copied.</summary>
internal static class CopyOutput
{
    /// <summary>A line for people: what, how much, how fast, and what an upload rests on.</summary>
    public static string Line(CopyItem item, BigFsFile file, DurabilityReceipt? receipt, TimeSpan time)
    {
        string remote = RemotePath.Prefix + item.Remote;
        string way = receipt is null ? $"{remote} -> {item.Local}" : $"{item.Local} -> {remote}";
        string rate = time > TimeSpan.Zero ? $", {Text.Size(file.Size / time.TotalSeconds)}/s" : "";
        string held = receipt is null ? "verified" : string.Create(
            CultureInfo.InvariantCulture,
            $"{receipt.Replicas} {(receipt.Replicas == 1 ? "replica" : "replicas")}, {Durability(receipt)}");
        return $"{Text.Visible(way)}  {Text.Size(file.Size)} in {Text.Duration(time)}{rate}, {held}";
    }

    /// <summary>The same for programs, with the whole receipt.</summary>
    public static void WriteJson(Utf8JsonWriter writer, CopyItem item, BigFsFile file, DurabilityReceipt? receipt, TimeSpan time)
    {
        string remote = RemotePath.Prefix + item.Remote;
        writer.WriteString("source", receipt is null ? remote : item.Local);
        writer.WriteString("destination", receipt is null ? item.Local : remote);
        writer.WriteNumber("size", file.Size);
        writer.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
        writer.WriteString("version", file.Version.ToString());
        writer.WriteString("crc32c", Text.Checksum(file.Crc32C));
        if (receipt is null)
        {
            return;
        }

        writer.WriteNumber("replicas", receipt.Replicas);
        writer.WriteString("durability", Durability(receipt));
        writer.WriteString("nameDurability", receipt.NameDurability);
        writer.WriteNumber("chunks", receipt.Chunks);
        writer.WriteStartArray("volumes");
        foreach (VolumeReceipt volume in receipt.Volumes)
        {
            writer.WriteStartObject();
            writer.WriteNumber("volume", volume.Volume);
            writer.WriteNumber("chunks", volume.Chunks);
            writer.WriteNumber("bytes", volume.Bytes);
            writer.WriteStartArray("nodes");
            foreach (string node in volume.Nodes)
            {
                writer.WriteStringValue(node);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Durability(DurabilityReceipt receipt) =>
        receipt.Durability == BigFsDurability.Flushed ? "flushed" : "memory";
}
