using System.Collections.Immutable;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.PostgreSql;

/// <summary>A row of the entries table; a directory has an id, a file the columns from the version on.</summary>
internal sealed record PostgresEntryRow
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

    /// <summary>Whether the metadata hold the content, under the version.</summary>
    public bool Content { get; init; }

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

/// <summary>
/// What a path leads to: an entry, a file that stands in the way above it, or nothing; and the id of the directory above
/// it, when that exists.
/// </summary>
internal readonly record struct PostgresResolved(PostgresEntryRow? Entry, BigFsPath? FileAbove, long? Parent);
