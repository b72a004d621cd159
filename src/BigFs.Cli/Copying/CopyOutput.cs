using System.Globalization;
using System.Text.Json;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>What is told of a file that was copied.</summary>
internal static class CopyOutput
{
    /// <summary>A line for people: what, how much, how fast, and what an upload rests on.</summary>
    public static string Line(FileTransferResult result, BigFsFile file)
    {
        (DurabilityReceipt? receipt, TimeSpan time) = (result.Receipt, result.Elapsed);
        string remote = RemotePath.Prefix + result.Path;
        string way = receipt is null ? $"{remote} -> {result.LocalPath}" : $"{result.LocalPath} -> {remote}";
        string rate = time > TimeSpan.Zero ? $", {Text.Size(file.Size / time.TotalSeconds)}/s" : "";
        string held = receipt is null ? "verified" : string.Create(
            CultureInfo.InvariantCulture,
            $"{receipt.Replicas} {(receipt.Replicas == 1 ? "replica" : "replicas")}, {Durability(receipt)}");
        return $"{Text.Visible(way)}  {Text.Size(file.Size)} in {Text.Duration(time)}{rate}, {held}";
    }

    /// <summary>The same for programs, with the whole receipt.</summary>
    public static void WriteJson(Utf8JsonWriter writer, FileTransferResult result, BigFsFile file)
    {
        DurabilityReceipt? receipt = result.Receipt;
        string remote = RemotePath.Prefix + result.Path;
        writer.WriteString("source", receipt is null ? remote : result.LocalPath);
        writer.WriteString("destination", receipt is null ? result.LocalPath : remote);
        writer.WriteNumber("size", file.Size);
        writer.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 3));
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

    /// <summary>What an upload left out, for programs.</summary>
    public static void WriteSkippedJson(Utf8JsonWriter writer, FileTransferResult result, string why)
    {
        writer.WriteString("source", result.LocalPath);
        writer.WriteString("skipped", why);
    }

    private static string Durability(DurabilityReceipt receipt) =>
        receipt.Durability == BigFsDurability.Flushed ? "flushed" : "memory";
}
