using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>Makes capabilities: the file servers' and the node manager's part. Thread-safe.</summary>
public sealed class CapabilitySigner
{
    private readonly ClusterSecret _secret;
    private readonly CapabilityOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<NodeId, byte[]> _keys = new();
    private readonly Func<NodeId, byte[]> _keyOf;

    /// <summary>Makes a signer.</summary>
    /// <param name="secret">The cluster's secret; its first key signs.</param>
    /// <param name="options">How long what it makes lives.</param>
    /// <param name="time">The wall clock of expiries.</param>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public CapabilitySigner(ClusterSecret secret, CapabilityOptions options, TimeProvider time)
    {
        options.Validate();
        (_secret, _options, _time) = (secret, options, time);
        Func<NodeId, byte[]> derive = secret.SigningKeyOf;
        _keyOf = node => _keys.GetOrAdd(node, derive);
    }

    /// <summary>How long a capability to read lives.</summary>
    public TimeSpan ReadLifetime => _options.ReadLifetime;

    /// <summary>A capability to write one chunk of at most so many bytes.</summary>
    public ImmutableArray<byte> SignWrite(
        VolumeId volume, long epoch, ImmutableArray<NodeId> members, ChunkKey key, int maxLength) =>
        Sign(CapabilityOperation.WriteChunk, volume, epoch, members, key, maxLength, _options.WriteLifetime);

    /// <summary>A capability to read any chunk of a volume.</summary>
    public ImmutableArray<byte> SignRead(VolumeId volume, long epoch, ImmutableArray<NodeId> members) =>
        Sign(CapabilityOperation.ReadChunks, volume, epoch, members, Capability.WholeVolume, 0, _options.ReadLifetime);

    /// <summary>A capability to have any chunk of a volume checked where it is.</summary>
    public ImmutableArray<byte> SignVerify(VolumeId volume, long epoch, ImmutableArray<NodeId> members) =>
        Sign(CapabilityOperation.VerifyChunks, volume, epoch, members, Capability.WholeVolume, 0, _options.CopyLifetime);

    /// <summary>A capability to copy a volume.</summary>
    public ImmutableArray<byte> SignCopy(VolumeId volume, long epoch, ImmutableArray<NodeId> members) =>
        Sign(CapabilityOperation.CopyVolume, volume, epoch, members, Capability.WholeVolume, 0, _options.CopyLifetime);

    private ImmutableArray<byte> Sign(
        CapabilityOperation operation,
        VolumeId volume,
        long epoch,
        ImmutableArray<NodeId> members,
        ChunkKey key,
        int maxLength,
        TimeSpan lifetime)
    {
        var claims = new CapabilityClaims
        {
            Operation = operation,
            Volume = volume,
            Epoch = epoch,
            Key = key,
            Members = members,
            MaxLength = maxLength,
            Expiry = _time.GetUtcNow() + lifetime,
        };
        return Capability.Sign(claims, _secret.SigningKeyId, _keyOf);
    }
}
