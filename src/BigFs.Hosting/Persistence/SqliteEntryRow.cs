using BigFs.Core.Metadata;

namespace BigFs.Hosting.Persistence;

/// <summary>A row of the entries table.</summary>
internal sealed record SqliteEntryRow : EntryRow
{
    /// <summary>The row of the content that the metadata hold; null when it lies in chunks, or was not asked for.</summary>
    public long? Content { get; init; }
}

/// <summary>
/// What a path leads to: an entry, a file that stands in the way above it, or nothing; and the id of the directory above
/// it, when that exists.
/// </summary>
internal readonly record struct SqliteResolved(SqliteEntryRow? Entry, BigFsPath? FileAbove, long? Parent);
