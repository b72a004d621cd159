using BigFs.Core.Metadata;

namespace BigFs.Hosting.PostgreSql;

/// <summary>A row of the sessions table.</summary>
internal sealed record PostgresSession : IStoredSession
{
    public required Guid Id { get; init; }

    public required StoredSessionState State { get; init; }

    public required long Expires { get; init; }

    public required long KeepUntil { get; init; }

    /// <summary>Where the file will stand; null for a shared session.</summary>
    public required BigFsPath? Path { get; init; }

    public required Precondition Precondition { get; init; }

    public required int Replicas { get; init; }

    /// <summary>The commit's operation id; null before.</summary>
    public Guid? Operation { get; init; }

    public byte[]? Notes { get; init; }

    /// <summary>When the session began; once committed, when the file did.</summary>
    public long Created { get; init; }

    public long Modified { get; init; }

    public long Version { get; init; }

    public long Size { get; init; }

    public uint Crc { get; init; }

    /// <summary>The version under which chunks were staged; null when none were.</summary>
    public long? StagedVersion { get; init; }

    /// <summary>How many chunks were staged.</summary>
    public int Staged { get; init; }

    /// <summary>Their lengths together.</summary>
    public long StagedBytes { get; init; }

    /// <summary>The file as it was committed.</summary>
    public BigFsFile File(BigFsPath path) => (BigFsFile)new PostgresEntryRow
    {
        Parent = 0,
        Name = path.Name,
        Created = Created,
        Modified = Modified,
        Version = Version,
        Size = Size,
        Crc = Crc,
        Replicas = Replicas,
        Notes = Notes,
    }.ToEntry(path);
}

/// <summary>A row of the operations table: the first answer of one that succeeded.</summary>
internal sealed record PostgresOperation(Guid Id, PostgresOperationKind Kind, long KeepUntil, byte[] Answer);

/// <summary>The kinds of operations; stored.</summary>
internal enum PostgresOperationKind
{
    CreateDirectory = 1,
    Delete = 2,
    Move = 3,
    CommitFile = 4,
    AbortFile = 5,
}
