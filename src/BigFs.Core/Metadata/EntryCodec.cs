using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The stored form of entries, and of what a writer noted beside a file's content (media type and user metadata). Each
/// begins with a form byte.
/// </summary>
public static class EntryCodec
{
    private const byte KnownForm = 1;
    private const byte Directory = 0;
    private const byte File = 1;

    /// <summary>Encodes media type and metadata; null when there is neither.</summary>
    public static byte[]? EncodeNotes(string? contentType, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (contentType is null && metadata.Count == 0)
        {
            return null;
        }

        var writer = new FieldWriter();
        writer.Byte(KnownForm);
        WriteNotes(writer, contentType, metadata);
        return writer.Written.ToArray();
    }

    /// <summary>Decodes what <see cref="EncodeNotes"/> made; empty bytes stand for its null.</summary>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    public static (string? ContentType, ImmutableSortedDictionary<string, string> Metadata) DecodeNotes(
        ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return (null, NoMetadata);
        }

        var reader = new FieldReader(bytes, "set of user metadata");
        reader.Form(KnownForm);
        (string?, ImmutableSortedDictionary<string, string>) notes = ReadNotes(ref reader);
        reader.End();
        return notes;
    }

    /// <summary>Encodes an entry with its path.</summary>
    public static byte[] Encode(BigFsEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var writer = new FieldWriter();
        writer.Byte(KnownForm);
        writer.Byte(entry is BigFsFile ? File : Directory);
        writer.Text(entry.Path.ToString());
        writer.Signed(entry.Created.UtcTicks);
        writer.Signed(entry.Modified.UtcTicks);
        if (entry is BigFsFile file)
        {
            writer.LongWord(file.Version.Value);
            writer.Unsigned((ulong)file.Size);
            writer.Word(file.Crc32C);
            writer.Unsigned((ulong)file.Replicas);
            WriteNotes(writer, file.ContentType, file.Metadata);
        }

        return writer.Written.ToArray();
    }

    /// <summary>Decodes what <see cref="Encode"/> made.</summary>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    public static BigFsEntry Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new FieldReader(bytes, "entry");
        reader.Form(KnownForm);
        byte kind = reader.Byte();
        BigFsPath path = BigFsPath.TryParse(reader.Text(BigFsPath.MaxPathBytes), null, out BigFsPath legal)
            ? legal
            : throw reader.Damaged("its path is not valid");
        DateTimeOffset created = ReadTime(ref reader), modified = ReadTime(ref reader);
        if (kind == Directory)
        {
            reader.End();
            return new BigFsDirectory { Path = path, Created = created, Modified = modified };
        }

        var file = new BigFsFile
        {
            Path = path,
            Created = created,
            Modified = modified,
            Version = new BigFsVersion(reader.LongWord()),
            Size = (long)Math.Min(reader.Unsigned(), long.MaxValue),
            Crc32C = reader.Word(),
            Replicas = reader.Count(Limits.MaxReplicas),
        };
        (string? contentType, ImmutableSortedDictionary<string, string> metadata) = ReadNotes(ref reader);
        reader.End();
        return file with { ContentType = contentType, Metadata = metadata };
    }

    internal static ImmutableSortedDictionary<string, string> NoMetadata { get; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    internal static void WriteNotes(FieldWriter writer, string? contentType, IReadOnlyDictionary<string, string> metadata)
    {
        writer.Byte(contentType is null ? (byte)0 : (byte)1);
        writer.Text(contentType ?? "");
        writer.Unsigned((ulong)metadata.Count);
        foreach ((string name, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.Text(name);
            writer.Text(value);
        }
    }

    internal static (string? ContentType, ImmutableSortedDictionary<string, string> Metadata) ReadNotes(
        ref FieldReader reader)
    {
        bool hasType = reader.Byte() != 0;
        string contentType = reader.Text(MetadataChecks.MaxContentTypeBytes);
        int count = reader.Count(Limits.MaxMetadataBytes);
        ImmutableSortedDictionary<string, string>.Builder metadata = NoMetadata.ToBuilder();
        for (int i = 0; i < count; i++)
        {
            string name = reader.Text(Limits.MaxMetadataBytes);
            metadata[name] = reader.Text(Limits.MaxMetadataBytes);
        }

        return (hasType ? contentType : null, metadata.Count == 0 ? NoMetadata : metadata.ToImmutable());
    }

    private static DateTimeOffset ReadTime(ref FieldReader reader)
    {
        long ticks = reader.Signed();
        return ticks >= 0 && ticks <= DateTimeOffset.MaxValue.UtcTicks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : throw reader.Damaged("a time is out of range");
    }
}
