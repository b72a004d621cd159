namespace BigFs.Core.Messaging;

/// <summary>How a datanode fares: rates are means since its heartbeat before.</summary>
public sealed record DataNodeLoad
{
    /// <summary>Its process and machine.</summary>
    public required ProcessLoad Process { get; init; }

    /// <summary>Bytes that can still be written to its disk.</summary>
    public required long DiskFreeBytes { get; init; }

    /// <summary>Bytes of chunks read for clients and peers, a second.</summary>
    public required long ReadBytesPerSecond { get; init; }

    /// <summary>Bytes of chunks appended, a second.</summary>
    public required long WrittenBytesPerSecond { get; init; }

    /// <summary>Volumes that it holds a replica of.</summary>
    public required int Volumes { get; init; }

    /// <summary>Those of them that take appends.</summary>
    public required int OpenVolumes { get; init; }

    /// <summary>Chunks that wait for their flush, or are being flushed.</summary>
    public required int QueuedAppends { get; init; }
}
