using BigFs.Core.Metadata;

namespace BigFs.Hosting.PostgreSql;

/// <summary>A row of the entries table.</summary>
internal sealed record PostgresEntryRow : EntryRow
{
    /// <summary>Whether the metadata hold the content, under the version.</summary>
    public bool Content { get; init; }
}

/// <summary>
/// What a path leads to: an entry, a file that stands in the way above it, or nothing; and the id of the directory above
/// it, when that exists.
/// </summary>
internal readonly record struct PostgresResolved(PostgresEntryRow? Entry, BigFsPath? FileAbove, long? Parent);
