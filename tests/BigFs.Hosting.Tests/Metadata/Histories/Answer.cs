using System.Collections.Immutable;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>What a client was told: a refusal, or what its operation answers.</summary>
internal sealed record Answer
{
    /// <summary>Done, and there is nothing to say.</summary>
    public static readonly Answer Done = new();

    /// <summary>Why not; null when it was done.</summary>
    public BigFsErrorCode? Refusal { get; init; }

    /// <summary>What a find found; null for nothing.</summary>
    public MetadataEntry? Found { get; init; }

    /// <summary>The file of a put, the entry of a move.</summary>
    public BigFsEntry? Entry { get; init; }

    /// <summary>Whether a delete deleted.</summary>
    public bool Deleted { get; init; }

    /// <summary>The entries of a page.</summary>
    public ImmutableArray<BigFsEntry> Page { get; init; } = [];

    /// <summary>Whether another page follows.</summary>
    public bool IsMore { get; init; }

    /// <summary>The same answer, as a retry gets it.</summary>
    public bool IsSame(Answer other) =>
        Refusal == other.Refusal && Deleted == other.Deleted && SameEntry(Entry, other.Entry);

    public override string ToString() => Refusal is { } code ? $"refused: {code}"
        : Entry is { } entry ? Text(entry)
        : Found is { } found ? Text(found.Entry)
        : Page.Length > 0 ? string.Join(", ", Page.Select(Text))
        : Deleted ? "deleted" : "nothing";

    private static string Text(BigFsEntry entry) => entry is BigFsFile file
        ? $"{entry.Path} {file.Version} ({file.Size} bytes, {file.Crc32C:x8})"
        : $"{entry.Path}/";

    private static bool SameEntry(BigFsEntry? one, BigFsEntry? other) => (one, other) switch
    {
        (BigFsFile a, BigFsFile b) => a.Metadata.OrderBy(x => x.Key, StringComparer.Ordinal)
                .SequenceEqual(b.Metadata.OrderBy(x => x.Key, StringComparer.Ordinal))
            && a with { Metadata = b.Metadata } == b,
        _ => Equals(one, other),
    };
}
