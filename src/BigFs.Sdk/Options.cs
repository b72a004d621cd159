namespace BigFs;

/// <summary>What must stand at a path for an upload to win; checked when it begins and, finally, when it commits.</summary>
public sealed class UploadPrecondition
{
    private UploadPrecondition(bool absent, BigFsVersion? version)
    {
        RequiresAbsence = absent;
        Version = version;
    }

    /// <summary>Anything or nothing: the default.</summary>
    public static UploadPrecondition Anything { get; } = new(false, null);

    /// <summary>Nothing: fails with <see cref="BigFsErrorCode.AlreadyExists"/> when something is there.</summary>
    public static UploadPrecondition Absent { get; } = new(true, null);

    /// <summary>Whether nothing may stand there.</summary>
    public bool RequiresAbsence { get; }

    /// <summary>The version that must stand there, or null.</summary>
    public BigFsVersion? Version { get; }

    /// <summary>A file of exactly this version: fails with <see cref="BigFsErrorCode.PreconditionFailed"/> otherwise.</summary>
    public static UploadPrecondition Is(BigFsVersion version) => new(false, version);
}

/// <summary>Options of an upload.</summary>
public sealed class UploadOptions
{
    /// <summary>Replicas of each chunk, 1 to 8; null (default): the cluster's own setting.</summary>
    public int? Replicas { get; set; }

    /// <summary>Bytes of a chunk, 64 KiB to 64 MiB; default 8 MiB.</summary>
    public int ChunkSize { get; set; } = 8 << 20;

    /// <summary>
    /// Chunks in flight at once, the one being read from the source included, 1 to 64; default 4. Buffers take at most
    /// chunk size x this and 1 MiB. Not used with a gateway, which decides itself.
    /// </summary>
    public int Concurrency { get; set; } = 4;

    /// <summary>What must stand at the path; default anything.</summary>
    public UploadPrecondition Precondition { get; set; } = UploadPrecondition.Anything;

    /// <summary>
    /// Whether the metadata hold the content themselves when it has at most 64 KiB: one round trip and no datanode, but
    /// only as many copies as the metadata engine keeps (<see cref="DurabilityReceipt.MetadataCopies"/>). Longer content
    /// goes to datanodes all the same; <see cref="DurabilityReceipt.Inline"/> says which it was. Default no. Not for
    /// <see cref="IBigFsClient.OpenWriteAsync"/>.
    /// </summary>
    public bool Inline { get; set; }

    /// <summary>Media type kept with the file; null (default) for none, at most 255 characters.</summary>
    public string? ContentType { get; set; }

    /// <summary>Names and values kept with the file, at most 8 KiB in all; default empty.</summary>
    public IDictionary<string, string> Metadata { get; set; } = new Dictionary<string, string>();

    /// <summary>Told the bytes acknowledged by all replicas so far; never goes down. Called on the upload's own flow.</summary>
    public IProgress<long>? Progress { get; set; }

    /// <summary>The same options with another progress.</summary>
    internal UploadOptions With(IProgress<long>? progress) => new()
    {
        Replicas = Replicas,
        ChunkSize = ChunkSize,
        Concurrency = Concurrency,
        Precondition = Precondition,
        Inline = Inline,
        ContentType = ContentType,
        Metadata = Metadata,
        Progress = progress,
    };
}

/// <summary>Options of a download.</summary>
public sealed class DownloadOptions
{
    /// <summary>
    /// Pieces held at once, the one being handed over included, 1 to 64; default 4. A piece is a chunk or 2 MiB of it,
    /// whichever is less; buffers take at most 2 MiB x this, and the client keeps up to 64 MiB of them for its next transfers.
    /// </summary>
    public int Concurrency { get; set; } = 4;

    /// <summary>Told the bytes handed over so far; never goes down. Called on the download's own flow.</summary>
    public IProgress<long>? Progress { get; set; }

    /// <summary>
    /// How old the file server's knowledge of what stands at the path may be, zero to 10 minutes; default zero: the version of
    /// now. With more a version may be read that was replaced or deleted so long ago, never a part of another one; it saves
    /// a call to the metadata server, and serves while that is away.
    /// </summary>
    public TimeSpan MaxStaleness { get; set; }

    /// <summary>The same options with another progress.</summary>
    internal DownloadOptions With(IProgress<long>? progress) =>
        new() { Concurrency = Concurrency, MaxStaleness = MaxStaleness, Progress = progress };
}

/// <summary>Options of a listing.</summary>
public sealed class ListOptions
{
    /// <summary>Entries of a page, 1 to 10,000; default 1,000.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>
    /// Where to go on: a page's <see cref="BigFsPage.ContinuationToken"/> of the same directory, prefix and kind; null
    /// (default) from the start. It stays good whatever is made or removed meanwhile.
    /// </summary>
    public string? ContinuationToken { get; set; }

    /// <summary>
    /// Only names that start with this; null (default) for all. Of a recursive listing it holds for the names in the
    /// directory itself, and what lies below those comes with them.
    /// </summary>
    public string? Prefix { get; set; }

    /// <summary>
    /// Only what comes after this name; null (default) for all. Of a recursive listing a path relative to the directory
    /// ("a/b"). Nothing need be there; not used beside a continuation token.
    /// </summary>
    public string? StartAfter { get; set; }

    /// <summary>Whether all that lies below comes, each directory right before what it holds; default no.</summary>
    public bool Recursive { get; set; }
}

/// <summary>Options of a deletion.</summary>
public sealed class DeleteOptions
{
    /// <summary>Whether a directory goes with all it holds; default no.</summary>
    public bool Recursive { get; set; }

    /// <summary>Delete only this version of a file; null (default) for any.</summary>
    public BigFsVersion? Version { get; set; }
}

/// <summary>Options of a move.</summary>
public sealed class MoveOptions
{
    /// <summary>Whether a file at the destination is replaced; default no.</summary>
    public bool Overwrite { get; set; }
}
