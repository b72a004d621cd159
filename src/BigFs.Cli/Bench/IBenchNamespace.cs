namespace BigFs.Cli.Bench;

/// <summary>What a measurement of names calls: the cluster as every client sees it, or its metadata server itself.</summary>
internal interface IBenchNamespace
{
    /// <summary>Makes an empty file; what its name rests on where that is known.</summary>
    Task<(BigFsFile File, BigFsDurability? Durability)> CreateAsync(BigFsPath path, CancellationToken cancellationToken);

    /// <summary>The entry at the path; null when absent.</summary>
    Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken);

    /// <summary>All entries of a directory.</summary>
    IAsyncEnumerable<BigFsEntry> ListAsync(BigFsPath directory, CancellationToken cancellationToken);

    /// <summary>Deletes an entry; false when nothing was there.</summary>
    Task<bool> DeleteAsync(BigFsPath path, bool recursive, CancellationToken cancellationToken);
}
