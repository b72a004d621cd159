using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>One operation on a namespace, as a client asks for it.</summary>
internal abstract record Call
{
    /// <summary>The operation's id; reads have none.</summary>
    public Guid Operation { get; init; } = Guid.NewGuid();
}

/// <summary>Reads an entry with its manifest.</summary>
internal sealed record FindCall(BigFsPath Path) : Call;

/// <summary>Reads a page of a directory, or of all that lies below it.</summary>
internal sealed record ListCall(
    BigFsPath Directory, string After = "", string Prefix = "", int Limit = 1000, bool Recursive = false) : Call;

/// <summary>Opens a session whose id is the operation's.</summary>
internal sealed record BeginCall(BigFsPath Path, Precondition Precondition, FileBody Body) : Call;

/// <summary>Puts a file: commits the session of its own or, without <paramref name="IsUpload"/>, at once.</summary>
/// <param name="Path">Where.</param>
/// <param name="Precondition">What must be there.</param>
/// <param name="Body">The file.</param>
/// <param name="Session">Its session; null for a small file without one.</param>
/// <param name="IsUpload">Whether the session is its own.</param>
internal sealed record PutCall(BigFsPath Path, Precondition Precondition, FileBody Body, Guid? Session, bool IsUpload) : Call;

/// <summary>Makes a directory.</summary>
internal sealed record MakeDirectoryCall(BigFsPath Path) : Call;

/// <summary>Deletes an entry.</summary>
internal sealed record DeleteCall(BigFsPath Path, bool Recursive, BigFsVersion? Version) : Call;

/// <summary>Moves an entry.</summary>
internal sealed record MoveCall(BigFsPath Source, BigFsPath Destination, bool Overwrite) : Call;

/// <summary>What a put writes; no two puts write the same.</summary>
internal sealed record FileBody
{
    private static readonly ImmutableSortedDictionary<string, string> NoMetadata =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    public required long Size { get; init; }

    public required uint Crc32C { get; init; }

    public ImmutableArray<ChunkReference> Manifest { get; init; } = [];

    public ImmutableArray<ChunkReference> Discarded { get; init; } = [];

    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Replicas that were asked for; 0: the cluster's default.</summary>
    public int Replicas { get; init; }

    public string? ContentType { get; init; }

    public ImmutableSortedDictionary<string, string> Metadata { get; init; } = NoMetadata;

    /// <summary>Whether what was found is this, whole.</summary>
    public bool IsIn(MetadataEntry found) =>
        Describes((BigFsFile)found.Entry)
        && found.Manifest.SequenceEqual(Manifest)
        && found.Content.Span.SequenceEqual(Content.Span);

    /// <summary>Whether an entry is of this file.</summary>
    public bool Describes(BigFsFile file) =>
        file.Size == Size
        && file.Crc32C == Crc32C
        && file.ContentType == ContentType
        && file.Metadata.OrderBy(one => one.Key, StringComparer.Ordinal).SequenceEqual(Metadata);

    public override string ToString() => $"{Size} bytes, {Crc32C:x8}, {Manifest.Length} chunks";
}
