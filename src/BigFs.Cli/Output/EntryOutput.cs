using System.Globalization;
using System.Text.Json;

namespace BigFs.Cli.Output;

/// <summary>Files and directories as lines and as JSON.</summary>
internal static class EntryOutput
{
    /// <summary>The name, a directory's with a trailing slash.</summary>
    public static string Name(BigFsEntry entry, string name) =>
        Text.Visible(name) + (entry is BigFsDirectory && name != "/" ? "/" : "");

    /// <summary>A line of a long listing: size in bytes, time, replicas, name.</summary>
    public static string LongLine(BigFsEntry entry, string name)
    {
        var file = entry as BigFsFile;
        string size = file?.Size.ToString(CultureInfo.InvariantCulture) ?? "-";
        string replicas = file?.Replicas.ToString(CultureInfo.InvariantCulture) ?? "-";
        return $"{size,14}  {Text.Moment(entry.Modified)}  {replicas}  {Name(entry, name)}";
    }

    /// <summary>Everything known of an entry, a line each.</summary>
    public static void WriteAll(TextWriter output, BigFsEntry entry)
    {
        Line("path", Text.Visible(entry.Path.ToString()));
        Line("kind", entry is BigFsDirectory ? "directory" : "file");
        if (entry is BigFsFile file)
        {
            Line("size", string.Create(CultureInfo.InvariantCulture, $"{file.Size} bytes ({Text.Size(file.Size)})"));
            Line("version", file.Version.ToString());
            Line("crc32c", Text.Checksum(file.Crc32C));
            Line("replicas", file.Replicas.ToString(CultureInfo.InvariantCulture));
        }

        Line("created", Text.Moment(entry.Created));
        Line("modified", Text.Moment(entry.Modified));
        if (entry is BigFsFile { ContentType: { } type })
        {
            Line("type", Text.Visible(type));
        }

        foreach ((string name, string value) in (entry as BigFsFile)?.Metadata ?? new Dictionary<string, string>())
        {
            Line("metadata", $"{Text.Visible(name)} = {Text.Visible(value)}");
        }

        void Line(string label, string value) => output.WriteLine($"{label,-9} {value}");
    }

    /// <summary>The properties of an entry.</summary>
    public static void WriteJson(Utf8JsonWriter writer, BigFsEntry entry)
    {
        writer.WriteString("path", entry.Path.ToString());
        writer.WriteString("name", entry.Path.Name);
        writer.WriteString("kind", entry is BigFsDirectory ? "directory" : "file");
        writer.WriteString("created", entry.Created);
        writer.WriteString("modified", entry.Modified);
        if (entry is not BigFsFile file)
        {
            return;
        }

        writer.WriteNumber("size", file.Size);
        writer.WriteString("version", file.Version.ToString());
        writer.WriteString("crc32c", Text.Checksum(file.Crc32C));
        writer.WriteNumber("replicas", file.Replicas);
        writer.WriteString("contentType", file.ContentType);
        writer.WriteStartObject("metadata");
        foreach ((string name, string value) in file.Metadata)
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
    }
}
