using System.Collections.Immutable;

namespace BigFs.Core.Model;

/// <summary>One line of a manifest: which chunk, in which volume, how long (bytes), with which CRC-32C. Never nodes.</summary>
public readonly record struct ChunkReference(VolumeId Volume, ChunkKey Key, int Length, uint Crc32C);

/// <summary>A datanode and where its transfer protocol listens ("host:port"; empty when it is reached in process).</summary>
public sealed record NodeAddress(NodeId Id, string TransferEndpoint);

/// <summary>Leave to write one chunk: its key, the open volume, the volume's epoch, members in pipeline order, and a capability.</summary>
public sealed record ChunkGrant
{
    /// <summary>The chunk's key; used for one chunk only.</summary>
    public required ChunkKey Key { get; init; }

    /// <summary>The open volume that takes it.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>The volume's epoch: a datanode refuses any other.</summary>
    public required long Epoch { get; init; }

    /// <summary>All members of the volume, in the order in which the write passes them.</summary>
    public required ImmutableArray<NodeAddress> Pipeline { get; init; }

    /// <summary>The capability that the members ask for; opaque to who writes.</summary>
    public ImmutableArray<byte> Capability { get; init; } = [];
}

/// <summary>Where a volume's replicas are now.</summary>
public sealed record VolumeLocation
{
    /// <summary>The volume.</summary>
    public required VolumeId Volume { get; init; }

    /// <summary>The epoch under which these are its members.</summary>
    public required long Epoch { get; init; }

    /// <summary>The members, best to read from first: up and verified, then unverified, then not up.</summary>
    public required ImmutableArray<NodeAddress> Members { get; init; }

    /// <summary>The capability to read the volume's chunks from these members; opaque, and good for some minutes.</summary>
    public ImmutableArray<byte> Capability { get; init; } = [];
}
