namespace BigFs;

/// <summary>What became of one file of a directory's transfer.</summary>
public sealed record FileTransferResult
{
    /// <summary>The local file or directory.</summary>
    public string LocalPath { get; init; } = "";

    /// <summary>The entry in BigFS; the root when the local name cannot be a name there.</summary>
    public BigFsPath Path { get; init; }

    /// <summary>The file that was transferred; null when it failed or was skipped, and for directories.</summary>
    public BigFsFile? File { get; init; }

    /// <summary>What an upload rests on; null when it failed or was skipped, for directories and for downloads.</summary>
    public DurabilityReceipt? Receipt { get; init; }

    /// <summary>How long its transfer took; zero when it was skipped or refused.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Why it failed; null when it did not.</summary>
    public Exception? Error { get; init; }

    /// <summary>Why it was skipped, as a phrase ("a symbolic link"); null when it was not.</summary>
    public string? Skipped { get; init; }

    /// <summary>Whether it was transferred.</summary>
    public bool Succeeded => Error is null && Skipped is null;
}

/// <summary>Options of an upload of a directory.</summary>
public sealed class UploadDirectoryOptions
{
    /// <summary>Files under way at once, 1 to 64; default 4. Each takes the memory of an upload of its own.</summary>
    public int Parallelism { get; set; } = 4;

    /// <summary>Options of each file; its progress starts anew for each. Null (default) for the defaults.</summary>
    public UploadOptions? Upload { get; set; }

    /// <summary>Told each result as it comes, one at a time; null (default) for nobody.</summary>
    public IProgress<FileTransferResult>? Progress { get; set; }

    /// <summary>
    /// Told the bytes of all files so far, those of files that failed in their middle included; one call at a time, and
    /// never goes down. Null (default) for nobody.
    /// </summary>
    public IProgress<long>? BytesProgress { get; set; }
}

/// <summary>Options of a download of a directory.</summary>
public sealed class DownloadDirectoryOptions
{
    /// <summary>Files under way at once, 1 to 64; default 4. Each takes the memory of a download of its own.</summary>
    public int Parallelism { get; set; } = 4;

    /// <summary>Options of each file; its progress starts anew for each. Null (default) for the defaults.</summary>
    public DownloadOptions? Download { get; set; }

    /// <summary>Told each result as it comes, one at a time; null (default) for nobody.</summary>
    public IProgress<FileTransferResult>? Progress { get; set; }

    /// <summary>
    /// Told the bytes of all files so far, those of files that failed in their middle included; one call at a time, and
    /// never goes down. Null (default) for nobody.
    /// </summary>
    public IProgress<long>? BytesProgress { get; set; }
}
