using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>Which page of which directory.</summary>
public sealed record MetadataListRequest
{
    /// <summary>The directory.</summary>
    public required BigFsPath Directory { get; init; }

    /// <summary>
    /// Only names after this one; empty for all. With <see cref="Recursive"/> a path relative to the directory ("a/b"), and
    /// what lies below it comes after it. Nothing need be there.
    /// </summary>
    public string After { get; init; } = "";

    /// <summary>
    /// Only names that start with this; empty for all. With <see cref="Recursive"/> it holds for the names in the directory
    /// itself, and what lies below those comes with them.
    /// </summary>
    public string Prefix { get; init; } = "";

    /// <summary>Whether all that lies below comes, each directory right before what it holds.</summary>
    public bool Recursive { get; init; }

    /// <summary>Most entries, 1 to <see cref="Limits.MaxPageSize"/>.</summary>
    public int Limit { get; init; } = 1000;

    /// <summary>
    /// Where the page ends before its limit, in bytes of paths, media types and user metadata, and 64 for each entry: 1 to
    /// <see cref="Limits.MaxPageBytes"/>. One entry comes in any case.
    /// </summary>
    public int MaxBytes { get; init; } = Limits.MaxPageBytes;
}

/// <summary>
/// A page of a listing. <paramref name="Next"/> is the last entry's place, its path relative to the directory, to go on after;
/// null at the end. A place stays good whatever is made or removed; for callers it travels as a <see cref="ListingToken"/>.
/// </summary>
public sealed record MetadataPage(ImmutableArray<BigFsEntry> Entries, string? Next);
