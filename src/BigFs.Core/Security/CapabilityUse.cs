using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>What a request is about to do; a capability has to cover all of it.</summary>
public readonly record struct CapabilityUse
{
    /// <summary>What it does.</summary>
    public required CapabilityOperation Operation { get; init; }

    /// <summary>In which volume.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>Which chunk; <see cref="Capability.WholeVolume"/> when it is about all of them.</summary>
    public required ChunkKey Key { get; init; }

    /// <summary>A write's epoch; null where nothing is fenced, for chunks never change.</summary>
    public long? Epoch { get; init; }

    /// <summary>A write's members in any order, none twice; default where the epoch is null.</summary>
    public ImmutableArray<NodeId> Members { get; init; }

    /// <summary>A write's bytes.</summary>
    public int Length { get; init; }
}

/// <summary>Why a capability does not allow a request; the first reason that was found.</summary>
public enum CapabilityRefusal
{
    /// <summary>It does allow it.</summary>
    None = 0,

    /// <summary>There is none.</summary>
    Absent = 1,

    /// <summary>It is not laid out as one, or of another format version.</summary>
    Malformed = 2,

    /// <summary>It does not name this node.</summary>
    OtherNode = 3,

    /// <summary>It was signed with a key that is not, or no longer, in use here.</summary>
    UnknownKey = 4,

    /// <summary>It was not signed with the cluster's key, or was changed since.</summary>
    Forged = 5,

    /// <summary>It has expired.</summary>
    Expired = 6,

    /// <summary>It expires later than any that is made: the clocks of two machines are far apart.</summary>
    TooFarAhead = 7,

    /// <summary>It is for something else.</summary>
    OtherOperation = 8,

    /// <summary>It is for another volume.</summary>
    OtherVolume = 9,

    /// <summary>It is for another chunk.</summary>
    OtherChunk = 10,

    /// <summary>It is for another epoch.</summary>
    OtherEpoch = 11,

    /// <summary>It is for other members.</summary>
    OtherMembers = 12,

    /// <summary>It is for a shorter chunk.</summary>
    TooLong = 13,
}
