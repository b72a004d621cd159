namespace BigFs.Hosting.Backup;

/// <summary>A role's database that BigFS itself can copy while it serves. Thread-safe.</summary>
internal interface IDatabaseBackup
{
    /// <summary>A consistent copy: its length, its bytes, its checksum.</summary>
    /// <exception cref="BigFsException">
    /// InvalidArgument: nothing is kept on disk; Unavailable: another copy is being made; OutOfSpace; DataUnreadable: the
    /// database is damaged.
    /// </exception>
    IAsyncEnumerable<DatabasePiece> ReadCopyAsync(CancellationToken cancellationToken);
}
