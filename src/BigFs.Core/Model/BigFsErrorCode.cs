namespace BigFs;

/// <summary>What went wrong, for code that has to decide; the message says it for people.</summary>
public enum BigFsErrorCode
{
    /// <summary>A fault inside BigFS that no other code describes.</summary>
    Internal = 0,

    /// <summary>A path breaks a rule of <see cref="BigFsPath"/>.</summary>
    InvalidPath = 1,

    /// <summary>An argument or option is outside its stated range.</summary>
    InvalidArgument = 2,

    /// <summary>A setting is wrong; the host does not start.</summary>
    InvalidSettings = 3,

    /// <summary>A listing's continuation token was changed, or belongs to another listing.</summary>
    InvalidToken = 4,

    /// <summary>A precondition contradicts itself: it asks for a version and for none.</summary>
    InvalidPrecondition = 5,

    /// <summary>Nothing exists at the path.</summary>
    NotFound = 10,

    /// <summary>Something exists at the path already and the caller asked that nothing should.</summary>
    AlreadyExists = 11,

    /// <summary>A directory stands where a file is expected.</summary>
    IsDirectory = 12,

    /// <summary>A file stands where a directory is expected.</summary>
    NotDirectory = 13,

    /// <summary>The directory has entries and the deletion was not recursive.</summary>
    DirectoryNotEmpty = 14,

    /// <summary>The file is not of the version that the caller named.</summary>
    PreconditionFailed = 15,

    /// <summary>The version being read was replaced and its read lease has ended.</summary>
    VersionExpired = 16,

    /// <summary>The upload's session ended before its commit; nothing was stored.</summary>
    SessionExpired = 17,

    /// <summary>A limit would be exceeded: a file's metadata or size, or the number of leases. A name too long is InvalidPath.</summary>
    LimitExceeded = 18,

    /// <summary>
    /// The caller's key lacks the right; or the datanodes do not accept the cluster's capabilities: secrets or clocks do not
    /// agree.
    /// </summary>
    NotAllowed = 19,

    /// <summary>A manifest names a chunk whose deletion is recorded; nothing was stored.</summary>
    ChunkDeleted = 20,

    /// <summary>The call came without a key, or with one that is unknown, revoked or expired.</summary>
    Unauthenticated = 21,

    /// <summary>Fewer datanodes are up than replicas were asked for.</summary>
    NotEnoughNodes = 30,

    /// <summary>The endpoint does not answer or the role behind it is away.</summary>
    Unavailable = 31,

    /// <summary>Nothing moved for the stall time-out, or an operation exceeded its deadline.</summary>
    TimedOut = 32,

    /// <summary>No datanode has room.</summary>
    OutOfSpace = 33,

    /// <summary>No replica returned the bytes that were written.</summary>
    Damaged = 40,

    /// <summary>The address to listen on is taken or may not be bound.</summary>
    AddressInUse = 50,

    /// <summary>The data folder belongs to another cluster, node or role.</summary>
    WrongCluster = 51,

    /// <summary>The data folder is in use by another process.</summary>
    DataInUse = 52,

    /// <summary>The data folder cannot be read by this version, or is damaged.</summary>
    DataUnreadable = 53,

    /// <summary>The data folder was written by a newer version.</summary>
    DataTooNew = 54,

    /// <summary>The data folder or a file in it cannot be written.</summary>
    DataReadOnly = 55,
}
