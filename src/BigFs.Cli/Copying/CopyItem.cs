namespace BigFs.Cli.Copying;

/// <summary>One thing to copy: a file, or a folder with all it holds.</summary>
internal sealed record CopyItem
{
    /// <summary>The local file or folder; "-" for standard input or output.</summary>
    public required string Local { get; init; }

    /// <summary>The file or directory in BigFS.</summary>
    public required BigFsPath Remote { get; init; }

    /// <summary>Whether it goes with all it holds.</summary>
    public bool IsFolder { get; init; }

    /// <summary>Bytes of a file; null when not known before.</summary>
    public long? Length { get; init; }

    /// <summary>Why it cannot be copied; null when it can.</summary>
    public Exception? Obstacle { get; init; }
}
