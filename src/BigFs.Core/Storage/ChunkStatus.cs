namespace BigFs.Core.Storage;

/// <summary>Outcome of an operation on chunks or volumes; expected failures are values here, never exceptions.</summary>
public enum ChunkStatus
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The volume is not on this node.</summary>
    VolumeNotFound = 1,

    /// <summary>The request's epoch is not the volume's, or its members differ under the same epoch.</summary>
    WrongEpoch = 2,

    /// <summary>The volume takes no appends (fenced or sealed).</summary>
    NotOpen = 3,

    /// <summary>The volume has reached its size.</summary>
    VolumeFull = 4,

    /// <summary>The chunk is not in the volume.</summary>
    ChunkNotFound = 5,

    /// <summary>The key was deleted and never returns.</summary>
    ChunkDeleted = 6,

    /// <summary>The key exists with other bytes.</summary>
    ChunkDiffers = 7,

    /// <summary>The bytes do not match their checksum.</summary>
    Damaged = 8,

    /// <summary>The disk is full.</summary>
    OutOfSpace = 9,

    /// <summary>The disk failed; the volume is read-only here from now on.</summary>
    DiskFailed = 10,

    /// <summary>The order's term is lower than one seen before.</summary>
    StaleTerm = 11,

    /// <summary>The node could not be reached, or the connection broke.</summary>
    Unreachable = 12,

    /// <summary>Nothing moved for the stall time-out.</summary>
    Stalled = 13,

    /// <summary>The request breaks the protocol or a limit.</summary>
    Malformed = 14,

    /// <summary>The node is stopping, or has no room for more requests at present.</summary>
    Busy = 15,

    /// <summary>The request's capability does not allow it, is none, or has expired: another one is to be asked for.</summary>
    NotAllowed = 16,

    /// <summary>The deletion comes from an older state of the namespace than one seen before: a backup was restored since.</summary>
    StaleGeneration = 17,
}
