using System.Collections.Immutable;

namespace BigFs.Core.Metadata;

/// <summary>
/// A row of an engine's entries table; a directory has an id, a file the columns from the version on. Where a content that the
/// metadata hold lies is the engine's own.
/// </summary>
internal abstract record EntryRow
{
    public required long Parent { get; init; }

    public required string Name { get; init; }

    public long? Id { get; init; }

    public long Created { get; init; }

    public long Modified { get; init; }

    public long Version { get; init; }

    public long Size { get; init; }

    public uint Crc { get; init; }

    public int Replicas { get; init; }

    public byte[]? Notes { get; init; }

    /// <summary>How many references the file's manifest has.</summary>
    public int Chunks { get; init; }

    /// <summary>The references of a short manifest; null when they lie in pages, or were not asked for.</summary>
    public byte[]? Manifest { get; init; }

    public bool IsDirectory => Id is not null;

    /// <summary>Whether the metadata hold the file's content themselves.</summary>
    public bool IsInline => !IsDirectory && Chunks == 0;

    public BigFsVersion FileVersion => new((ulong)Version);

    /// <summary>The row as an entry at the path.</summary>
    public BigFsEntry ToEntry(BigFsPath path)
    {
        var created = new DateTimeOffset(Created, TimeSpan.Zero);
        var modified = new DateTimeOffset(Modified, TimeSpan.Zero);
        if (IsDirectory)
        {
            return new BigFsDirectory { Path = path, Created = created, Modified = modified };
        }

        (string? contentType, ImmutableSortedDictionary<string, string> metadata) = EntryCodec.DecodeNotes(Notes);
        return new BigFsFile
        {
            Path = path,
            Created = created,
            Modified = modified,
            Version = FileVersion,
            Size = Size,
            Crc32C = Crc,
            Replicas = Replicas,
            ContentType = contentType,
            Metadata = metadata,
        };
    }
}
