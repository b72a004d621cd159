namespace BigFs.Cli.Copying;

/// <summary>One thing to copy: a file, or a directory that only has to exist.</summary>
internal sealed record CopyItem
{
    /// <summary>The local file or folder; "-" for standard input or output.</summary>
    public required string Local { get; init; }

    /// <summary>The file or directory in BigFS.</summary>
    public required BigFsPath Remote { get; init; }

    /// <summary>Whether it is a directory: made at the destination, its files are items of their own.</summary>
    public bool IsDirectory { get; init; }

    /// <summary>Bytes of a file; null when not known before.</summary>
    public long? Length { get; init; }

    /// <summary>Why it cannot be copied; null when it can.</summary>
    public Exception? Obstacle { get; init; }
}
