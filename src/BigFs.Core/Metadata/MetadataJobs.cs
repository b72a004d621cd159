namespace BigFs.Core.Metadata;

/// <summary>What a job of the namespace does; stored.</summary>
public enum MetadataJobKind
{
    /// <summary>Clears away what a deleted directory held.</summary>
    Delete = 1,

    /// <summary>Adds up what lies below a directory.</summary>
    Totals = 2,
}

/// <summary>Where a job of the namespace stands; stored.</summary>
public enum MetadataJobState
{
    /// <summary>It goes on by itself.</summary>
    Running = 0,

    /// <summary>All is done.</summary>
    Done = 1,

    /// <summary>It cannot go on; <see cref="MetadataJob.Problem"/> says why.</summary>
    Failed = 2,

    /// <summary>It was ended early.</summary>
    Cancelled = 3,
}

/// <summary>What lies below a directory, or lay, as far as it has been counted.</summary>
/// <param name="Files">Files.</param>
/// <param name="Directories">Directories, without the one that was named.</param>
/// <param name="Bytes">Lengths of the files' contents.</param>
/// <param name="PhysicalBytes">
/// Bytes on datanodes, each replica counted, and of contents that the metadata hold, once.
/// </param>
public readonly record struct MetadataTotals(long Files, long Directories, long Bytes, long PhysicalBytes)
{
    /// <summary>Both together.</summary>
    public static MetadataTotals operator +(MetadataTotals left, MetadataTotals right) => new(
        left.Files + right.Files,
        left.Directories + right.Directories,
        left.Bytes + right.Bytes,
        left.PhysicalBytes + right.PhysicalBytes);

    /// <summary>With one file more.</summary>
    public MetadataTotals WithFile(long size, int replicas, bool inline) => this with
    {
        Files = Files + 1,
        Bytes = Bytes + size,
        PhysicalBytes = PhysicalBytes + (inline ? size : size * replicas),
    };
}

/// <summary>A job of the namespace: resumable, its state is in the database.</summary>
public sealed record MetadataJob
{
    /// <summary>Its id: the operation that began it.</summary>
    public required Guid Id { get; init; }

    /// <summary>What it does.</summary>
    public required MetadataJobKind Kind { get; init; }

    /// <summary>Where it stands.</summary>
    public required MetadataJobState State { get; init; }

    /// <summary>What it was asked for.</summary>
    public required BigFsPath Path { get; init; }

    /// <summary>When it began, UTC.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When it last got on, UTC.</summary>
    public required DateTimeOffset Updated { get; init; }

    /// <summary>What it has counted, or cleared away, so far.</summary>
    public required MetadataTotals Totals { get; init; }

    /// <summary>Why it failed, or null.</summary>
    public string? Problem { get; init; }
}
