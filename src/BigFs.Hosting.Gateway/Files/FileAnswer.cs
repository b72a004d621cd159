using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>Headers and bodies that tell of files.</summary>
internal static class FileAnswer
{
    private const string DefaultType = "application/octet-stream";

    /// <summary>Nobody puts it into a page as it is: quotes need no more than JSON asks for.</summary>
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The headers of a file that is read.</summary>
    public static void Describe(HttpResponse response, BigFsFile file)
    {
        IHeaderDictionary headers = response.Headers;
        Identify(headers, file);
        headers.ContentType = file.ContentType ?? DefaultType;
        headers.AcceptRanges = "bytes";

        // A file belongs to those who may read it, and may be replaced at any time.
        headers.CacheControl = "private, no-cache";
        headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>The headers that say which version of a file this is.</summary>
    public static void Identify(IHeaderDictionary headers, BigFsFile file)
    {
        headers.ETag = EntityTags.Of(file.Version);
        headers.LastModified = file.Modified.ToUniversalTime().ToString("r", CultureInfo.InvariantCulture);
        headers["Repr-Digest"] = ReprDigest.Of(file);
    }

    /// <summary>Answers with JSON.</summary>
    public static async Task WriteJsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> write)
    {
        using var body = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(body, Json))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), context.RequestAborted);
    }

    /// <summary>An entry's properties.</summary>
    public static void WriteEntry(Utf8JsonWriter writer, BigFsEntry entry)
    {
        writer.WriteString("path", entry.Path.ToString());
        writer.WriteString("name", entry.Path.Name);
        writer.WriteString("type", entry is BigFsFile ? "file" : "directory");
        writer.WriteString("created", entry.Created);
        writer.WriteString("modified", entry.Modified);
        if (entry is BigFsFile file)
        {
            writer.WriteNumber("size", file.Size);
            writer.WriteString("etag", EntityTags.Of(file.Version));
            writer.WriteString("crc32c", file.Crc32C.ToString("x8", CultureInfo.InvariantCulture));
            writer.WriteNumber("replicas", file.Replicas);
            if (file.ContentType is { } type)
            {
                writer.WriteString("contentType", type);
            }
        }
    }

    /// <summary>What an upload rests on.</summary>
    public static void WriteReceipt(Utf8JsonWriter writer, DurabilityReceipt receipt)
    {
        writer.WriteStartObject("receipt");
        writer.WriteNumber("replicas", receipt.Replicas);
        writer.WriteString("durability", receipt.Durability.ToString());
        writer.WriteNumber("chunks", receipt.Chunks);
        writer.WriteString("nameDurability", receipt.NameDurability);
        writer.WriteNumber("metadataCopies", receipt.MetadataCopies);
        writer.WriteStartArray("volumes");
        foreach (VolumeReceipt volume in receipt.Volumes)
        {
            writer.WriteStartObject();
            writer.WriteNumber("volume", volume.Volume);
            writer.WriteStartArray("nodes");
            foreach (string node in volume.Nodes)
            {
                writer.WriteStringValue(node);
            }

            writer.WriteEndArray();
            writer.WriteNumber("chunks", volume.Chunks);
            writer.WriteNumber("bytes", volume.Bytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
