namespace BigFs.Internal.Grpc;

/// <summary>Bounds of the control plane, the same at both ends.</summary>
internal static class ControlLimits
{
    /// <summary>
    /// Largest message, either way: 64 MiB. The largest manifest (1,048,576 chunks) takes 19 to 27 MiB in its packed
    /// form.
    /// </summary>
    public const int MaxMessageBytes = 64 << 20;

    /// <summary>Where a message of a streamed listing is cut: 1 MiB.</summary>
    public const int MaxListingBytes = 1 << 20;

    /// <summary>Largest call or answer on a shared stream: 256 KiB; larger ones take the unary way, and delay nobody.</summary>
    public const int MaxStreamedBytes = 256 << 10;

    /// <summary>Most chunks that a call or an answer on a shared stream names: 4,096, about 100 KiB.</summary>
    public const int MaxStreamedChunks = 4096;

    /// <summary>Most chunks of one page of a volume's chunks: 1,048,576.</summary>
    public const int MaxChunksPerPage = 1 << 20;
}
