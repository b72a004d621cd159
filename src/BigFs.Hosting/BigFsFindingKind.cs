namespace BigFs.Hosting;

/// <summary>What a check found. Travels as its number.</summary>
public enum BigFsFindingKind
{
    /// <summary>Damage: a replica lacks a chunk that a file names.</summary>
    MissingChunk = 1,

    /// <summary>Damage: no member has a chunk that a file names, and every member was asked.</summary>
    LostChunk = 2,

    /// <summary>Damage: a replica's index has another length or checksum than the file's manifest.</summary>
    DifferentChunk = 3,

    /// <summary>Damage: a file names a volume that the volume map does not list.</summary>
    UnknownVolume = 4,

    /// <summary>Damage: a member has no replica of its volume, or a failed one.</summary>
    MissingReplica = 5,

    /// <summary>Damage: a file's manifest or content cannot be read.</summary>
    UnreadableFile = 6,

    /// <summary>Damage: the chunks of a file do not add up to its size.</summary>
    WrongSize = 7,

    /// <summary>Damage: an entry stands in a directory that does not exist.</summary>
    DanglingEntry = 8,

    /// <summary>Damage: directories stand in each other in a circle, out of reach of the root.</summary>
    DirectoryCycle = 9,

    /// <summary>Damage: a file names a chunk of which the index of owners does not know that; what else names it could delete it.</summary>
    UnownedChunk = 10,

    /// <summary>Damage: the index of owners says that a version names a chunk, and it does not: the chunk would never go.</summary>
    StrayOwner = 11,

    /// <summary>No damage: a chunk that nobody names, and no upload can name any more.</summary>
    OrphanChunk = 20,

    /// <summary>No damage: a chunk that nobody names yet; upload sessions are open that may.</summary>
    ChunkInFlight = 21,

    /// <summary>No damage by itself: a member that has to be compared with its peers.</summary>
    UnverifiedMember = 22,

    /// <summary>No damage by itself: a node holds a volume of which the map does not make it a member.</summary>
    UnlistedReplica = 23,

    /// <summary>No damage: deletions that are still to be carried out, one finding with their number.</summary>
    Tombstones = 24,

    /// <summary>Unknown: a member could not be asked; what it holds counts neither as there nor as missing.</summary>
    UnknownReplica = 40,
}
