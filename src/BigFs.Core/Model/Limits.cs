namespace BigFs.Core.Model;

/// <summary>Bounds that every part enforces before it allocates.</summary>
public static class Limits
{
    /// <summary>Default size of a chunk: 8 MiB.</summary>
    public const int DefaultChunkSize = 8 << 20;

    /// <summary>Smallest chunk size that may be chosen: 64 KiB.</summary>
    public const int MinChunkSize = 64 << 10;

    /// <summary>Largest chunk: 64 MiB.</summary>
    public const int MaxChunkSize = 64 << 20;

    /// <summary>Bytes covered by one block checksum: 64 KiB.</summary>
    public const int BlockSize = 64 << 10;

    /// <summary>Default size at which a volume is full: 1 GiB.</summary>
    public const long DefaultVolumeSizeBytes = 1L << 30;

    /// <summary>Most replicas of a volume: 8.</summary>
    public const int MaxReplicas = 8;

    /// <summary>Most chunks of one file: 1,048,576 (8 TiB at the default chunk size).</summary>
    public const int MaxChunksPerFile = 1 << 20;

    /// <summary>Most entries of one listing page: 10,000.</summary>
    public const int MaxPageSize = 10_000;

    /// <summary>
    /// Where a listing page ends whatever its limit, in bytes as the listing request counts them: 4 MiB.
    /// </summary>
    public const int MaxPageBytes = 4 << 20;

    /// <summary>References of one page of a manifest: 1,024 (8 GiB at the default chunk size).</summary>
    public const int ManifestPageChunks = 1024;

    /// <summary>Entries of a streamed listing's first page; each that follows may hold four times as many: 250.</summary>
    public const int FirstStreamedPage = 250;

    /// <summary>Most bytes of user metadata of a file, names and values in UTF-8: 8 KiB.</summary>
    public const int MaxMetadataBytes = 8 << 10;

    /// <summary>Most bytes of content that the metadata hold for a file: 64 KiB.</summary>
    public const int MaxInlineBytes = 64 << 10;

    /// <summary>Most grants given at once: 64.</summary>
    public const int MaxGrantBatch = 64;
}
