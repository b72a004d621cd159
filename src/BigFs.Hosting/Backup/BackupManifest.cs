using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace BigFs.Hosting.Backup;

/// <summary>What a backup holds; the last file in it, so that a backup without one was cut off.</summary>
internal sealed record BackupManifest
{
    /// <summary>Its name in the backup.</summary>
    public const string Name = "bigfs-backup.json";

    /// <summary>The metadata database's name.</summary>
    public const string Metadata = "metadata.db";

    /// <summary>The volume map's name.</summary>
    public const string Volumes = "volumes.db";

    private const int FormatVersion = 1;

    /// <summary>When it was begun.</summary>
    public required DateTimeOffset Taken { get; init; }

    /// <summary>The cluster; null when none had adopted the namespace.</summary>
    public required Guid? Cluster { get; init; }

    /// <summary>The namespace.</summary>
    public required Guid Namespace { get; init; }

    /// <summary>The namespace's generation when it was copied.</summary>
    public required long Generation { get; init; }

    /// <summary>The databases.</summary>
    public required ImmutableArray<BackupMember> Files { get; init; }

    /// <summary>The manifest as JSON.</summary>
    public byte[] Format()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("version", FormatVersion);
            json.WriteString("taken", Taken.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("cluster", Cluster?.ToString("N"));
            json.WriteString("namespace", Namespace.ToString("N"));
            json.WriteNumber("generation", Generation);
            json.WriteStartArray("files");
            foreach (BackupMember file in Files)
            {
                json.WriteStartObject();
                json.WriteString("name", file.Name);
                json.WriteNumber("length", file.Length);
                json.WriteString("sha256", file.Sha256);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="BigFsException">DataUnreadable: it is none, or of a newer version.</exception>
    public static BackupManifest Parse(ReadOnlyMemory<byte> bytes, string backup)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            JsonElement root = json.RootElement;
            int version = root.GetProperty("version").GetInt32();
            if (version > FormatVersion)
            {
                throw Unreadable(backup, $"its version {version} is newer than the {FormatVersion} that this program knows");
            }

            string? cluster = root.GetProperty("cluster").GetString();
            return new BackupManifest
            {
                Taken = DateTimeOffset.Parse(root.GetProperty("taken").GetString()!, CultureInfo.InvariantCulture),
                Cluster = cluster is null ? null : Guid.ParseExact(cluster, "N"),
                Namespace = Guid.ParseExact(root.GetProperty("namespace").GetString()!, "N"),
                Generation = root.GetProperty("generation").GetInt64(),
                Files =
                [
                    .. root.GetProperty("files").EnumerateArray().Select(file => new BackupMember(
                        file.GetProperty("name").GetString()!,
                        file.GetProperty("length").GetInt64(),
                        file.GetProperty("sha256").GetString()!)),
                ],
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or FormatException
            or InvalidOperationException or ArgumentNullException)
        {
            throw Unreadable(backup, "its list of contents cannot be read");
        }
    }

    /// <summary>A backup that cannot be used.</summary>
    public static BigFsException Unreadable(string backup, string reason) =>
        new(BigFsErrorCode.DataUnreadable, $"The backup \"{backup}\" cannot be used: {reason}.");
}

/// <summary>A database in a backup.</summary>
/// <param name="Name">Its file name.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Sha256">Their SHA-256, 64 lower-case hexadecimal digits.</param>
internal sealed record BackupMember(string Name, long Length, string Sha256);
