namespace BigFs;

/// <summary>What an upload made.</summary>
public sealed record UploadResult
{
    /// <summary>The file's version that stands now.</summary>
    public BigFsFile File { get; init; } = new();

    /// <summary>What held when it was acknowledged, and where.</summary>
    public DurabilityReceipt Receipt { get; init; } = new();
}

/// <summary>What an acknowledged upload rests on.</summary>
public sealed record DurabilityReceipt
{
    /// <summary>On how many datanodes each chunk is.</summary>
    public int Replicas { get; init; }

    /// <summary>What the replicas' acknowledgements and the name rest on; the weakest of them.</summary>
    public BigFsDurability Durability { get; init; }

    /// <summary>Chunks written.</summary>
    public int Chunks { get; init; }

    /// <summary>CRC-32C of the whole content, confirmed chunk by chunk by every replica.</summary>
    public uint Crc32C { get; init; }

    /// <summary>Where the chunks went: each volume once.</summary>
    public IReadOnlyList<VolumeReceipt> Volumes { get; init; } = [];

    /// <summary>Whether the metadata hold the content themselves, in <see cref="MetadataCopies"/> copies and on no datanode.</summary>
    public bool Inline { get; init; }

    /// <summary>Copies of the name, and of an inline content, that the metadata engine keeps.</summary>
    public int MetadataCopies { get; init; } = 1;

    /// <summary>How safe the name is: the metadata engine and its copies, for example "SQLite, one copy, synced".</summary>
    public string NameDurability { get; init; } = "";
}

/// <summary>Chunks of an upload in one volume.</summary>
public sealed record VolumeReceipt
{
    /// <summary>The volume's number.</summary>
    public long Volume { get; init; }

    /// <summary>Ids of the datanodes that acknowledged.</summary>
    public IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>Chunks that went there.</summary>
    public int Chunks { get; init; }

    /// <summary>Their bytes.</summary>
    public long Bytes { get; init; }
}

/// <summary>A page of a directory.</summary>
public sealed record BigFsPage
{
    /// <summary>Its entries, in order.</summary>
    public IReadOnlyList<BigFsEntry> Entries { get; init; } = [];

    /// <summary>Token of the next page; null at the end.</summary>
    public string? ContinuationToken { get; init; }
}

/// <summary>What lies below a directory; a file is its own total.</summary>
public sealed record BigFsTotals
{
    /// <summary>Files.</summary>
    public long Files { get; init; }

    /// <summary>Directories, without the one that was named.</summary>
    public long Directories { get; init; }

    /// <summary>Lengths of the files' contents.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes on datanodes, each replica counted, and of contents that the metadata hold, once.</summary>
    public long PhysicalBytes { get; init; }
}
