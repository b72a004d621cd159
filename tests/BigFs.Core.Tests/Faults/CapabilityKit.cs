using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Tests.Storage;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Core.Tests.Faults;

/// <summary>A signed capability, a use that it covers, and a node of its members that checks.</summary>
internal sealed class CapabilityKit
{
    private static readonly ClusterSecret Secret = ClusterSecret.Create(StoreKit.Bytes(ClusterSecret.KeyBytes, seed: 5));
    private static readonly FakeTimeProvider Time = new(StoreKit.Now);
    private static readonly CapabilitySigner Signer = new(Secret, new CapabilityOptions(), Time);
    private static readonly ImmutableArray<NodeId> Nodes =
        [.. Enumerable.Range(1, Limits.MaxReplicas).Select(i => new NodeId(new Guid(i, 0, 0, new byte[8])))];

    private static readonly ImmutableArray<CapabilityVerifier> Verifiers =
        [.. Nodes.Select(node => new CapabilityVerifier(Secret.KeysOf(node), new CapabilityOptions(), Time))];

    private readonly int _count;
    private readonly int _node;

    public CapabilityKit(Random random)
    {
        _count = random.Next(1, Limits.MaxReplicas + 1);
        _node = random.Next(_count);
        ImmutableArray<NodeId> members = Nodes[.._count];
        var volume = new VolumeId(random.Next(1, 1000));
        var key = new ChunkKey((ulong)random.Next(1, 1000));
        long epoch = random.Next(1, 1000);
        bool isWrite = random.Next(2) == 0;
        Use = new CapabilityUse
        {
            Operation = isWrite ? CapabilityOperation.WriteChunk : CapabilityOperation.ReadChunks,
            Volume = volume,
            Key = key,
            Epoch = isWrite ? epoch : null,
            Members = isWrite ? members : default,
            Length = isWrite ? random.Next(1, 1000) : 0,
        };
        Token = [.. isWrite ? Signer.SignWrite(volume, epoch, members, key, 1000) : Signer.SignRead(volume, epoch, members)];
    }

    public byte[] Token { get; }

    public CapabilityUse Use { get; }

    /// <summary>What the node says of a token.</summary>
    public CapabilityRefusal Check(ReadOnlySpan<byte> token) => Verifiers[_node].Check(token, Use);

    /// <summary>Whether all that was signed for the node is as it was: the claims and the node's own MAC.</summary>
    public bool IsUntouched(ReadOnlySpan<byte> token)
    {
        int claims = Capability.ClaimsLengthFor(_count);
        Range mac = (claims + (_node * Capability.MacBytes))..(claims + ((_node + 1) * Capability.MacBytes));
        return token.Length == Token.Length
            && token[..claims].SequenceEqual(Token.AsSpan(0, claims))
            && token[mac].SequenceEqual(Token.AsSpan(mac));
    }
}
