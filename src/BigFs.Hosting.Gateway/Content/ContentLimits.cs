namespace BigFs.Hosting.Gateway.Content;

/// <summary>Bounds of content streams.</summary>
internal static class ContentLimits
{
    /// <summary>How long a caller may send or take nothing.</summary>
    public static readonly TimeSpan Stall = TimeSpan.FromSeconds(30);

    /// <summary>Largest piece that is read from a datanode at once: 2 MiB. A download holds two.</summary>
    public const int LargestPiece = 2 << 20;

    /// <summary>Files kept opened between ranges: 256, and 64 MiB of manifests; the last one always.</summary>
    public const int MostOpened = 256;

    /// <summary>See <see cref="MostOpened"/>.</summary>
    public const long MostOpenedBytes = 64L << 20;
}
