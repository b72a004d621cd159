using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// The layout of a capability, as <c>docs/transfer-protocol.md</c> gives it: what is allowed, to be done at which nodes
/// until when, and for each of these nodes an HMAC-SHA256 (RFC 2104) with that node's own key over the claims and the
/// node's id. One token serves a whole pipeline; clients pass it on as it is.
/// </summary>
public static class Capability
{
    /// <summary>The only format version.</summary>
    public const byte FormatVersion = 1;

    /// <summary>In place of a chunk key: any chunk of the volume. No chunk has this key.</summary>
    public static readonly ChunkKey WholeVolume = new(0);

    /// <summary>Bytes of one HMAC-SHA256.</summary>
    internal const int MacBytes = HMACSHA256.HashSizeInBytes;

    /// <summary>Bytes in front of the members.</summary>
    internal const int HeadBytes = 48;

    /// <summary>Bytes of a node's id.</summary>
    internal const int NodeBytes = 16;

    /// <summary>Most bytes of a capability: one for <see cref="Limits.MaxReplicas"/> nodes.</summary>
    public const int MaxBytes = HeadBytes + (Limits.MaxReplicas * (NodeBytes + MacBytes));

    /// <summary>Bytes of a capability for so many nodes.</summary>
    internal static int LengthFor(int members) => HeadBytes + (members * (NodeBytes + MacBytes));

    /// <summary>Bytes that are signed, but for the node's id.</summary>
    internal static int ClaimsLengthFor(int members) => HeadBytes + (members * NodeBytes);

    /// <summary>Lays out the claims and signs them for every member.</summary>
    /// <param name="claims">What is allowed.</param>
    /// <param name="keyId">The signing key.</param>
    /// <param name="keyOf">That key as derived for a node.</param>
    internal static ImmutableArray<byte> Sign(in CapabilityClaims claims, uint keyId, Func<NodeId, byte[]> keyOf)
    {
        int count = claims.Members.Length;
        ArgumentOutOfRangeException.ThrowIfZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Limits.MaxReplicas);
        var token = new byte[LengthFor(count)];
        int claimed = ClaimsLengthFor(count);
        Write(claims, keyId, token);
        Span<byte> signed = stackalloc byte[ClaimsLengthFor(Limits.MaxReplicas) + NodeBytes];
        signed = signed[..(claimed + NodeBytes)];
        token.AsSpan(0, claimed).CopyTo(signed);
        for (int i = 0; i < count; i++)
        {
            WriteNode(claims.Members[i], signed[claimed..]);
            HMACSHA256.HashData(keyOf(claims.Members[i]), signed, token.AsSpan(claimed + (i * MacBytes), MacBytes));
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(token);
    }

    /// <summary>Reads the claims; false when the bytes are not laid out as a capability.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> token, out CapabilityHead head)
    {
        head = default;
        if (token.Length < HeadBytes)
        {
            return false;
        }

        int count = token[2];
        head = new CapabilityHead
        {
            Operation = (CapabilityOperation)token[1],
            Count = count,
            KeyId = BinaryPrimitives.ReadUInt32LittleEndian(token[4..]),
            Volume = new VolumeId(BinaryPrimitives.ReadInt64LittleEndian(token[8..])),
            Epoch = BinaryPrimitives.ReadInt64LittleEndian(token[16..]),
            Key = new ChunkKey(BinaryPrimitives.ReadUInt64LittleEndian(token[24..])),
            MaxLength = BinaryPrimitives.ReadUInt32LittleEndian(token[32..]),
            ExpiryMilliseconds = BinaryPrimitives.ReadInt64LittleEndian(token[40..]),
        };
        return token[0] == FormatVersion
            && token[3] == 0
            && BinaryPrimitives.ReadUInt32LittleEndian(token[36..]) == 0
            && count is > 0 and <= Limits.MaxReplicas
            && token.Length == LengthFor(count);
    }

    /// <summary>Whether the MAC at an index is the one that a key makes for a node; takes the same time either way.</summary>
    internal static bool IsSigned(ReadOnlySpan<byte> token, int count, int index, ReadOnlySpan<byte> node, ReadOnlySpan<byte> key)
    {
        int claimed = ClaimsLengthFor(count);
        Span<byte> signed = stackalloc byte[ClaimsLengthFor(Limits.MaxReplicas) + NodeBytes];
        Span<byte> mac = stackalloc byte[MacBytes];
        signed = signed[..(claimed + NodeBytes)];
        token[..claimed].CopyTo(signed);
        node.CopyTo(signed[claimed..]);
        HMACSHA256.HashData(key, signed, mac);
        return CryptographicOperations.FixedTimeEquals(mac, token.Slice(claimed + (index * MacBytes), MacBytes));
    }

    /// <summary>A member's id as the claims have it.</summary>
    internal static ReadOnlySpan<byte> MemberAt(ReadOnlySpan<byte> token, int index) =>
        token.Slice(HeadBytes + (index * NodeBytes), NodeBytes);

    /// <summary>Writes a node's id, in the order of its hexadecimal digits.</summary>
    internal static void WriteNode(NodeId node, Span<byte> bytes) =>
        node.Value.TryWriteBytes(bytes, bigEndian: true, out _);

    private static void Write(in CapabilityClaims claims, uint keyId, Span<byte> token)
    {
        token[0] = FormatVersion;
        token[1] = (byte)claims.Operation;
        token[2] = (byte)claims.Members.Length;
        BinaryPrimitives.WriteUInt32LittleEndian(token[4..], keyId);
        BinaryPrimitives.WriteInt64LittleEndian(token[8..], claims.Volume.Value);
        BinaryPrimitives.WriteInt64LittleEndian(token[16..], claims.Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(token[24..], claims.Key.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(token[32..], (uint)claims.MaxLength);
        BinaryPrimitives.WriteInt64LittleEndian(token[40..], claims.Expiry.ToUnixTimeMilliseconds());
        for (int i = 0; i < claims.Members.Length; i++)
        {
            WriteNode(claims.Members[i], token[(HeadBytes + (i * NodeBytes))..]);
        }
    }
}

/// <summary>What a capability says.</summary>
internal readonly record struct CapabilityClaims
{
    public required CapabilityOperation Operation { get; init; }

    public required VolumeId Volume { get; init; }

    public required long Epoch { get; init; }

    /// <summary>The chunk, or <see cref="Capability.WholeVolume"/>.</summary>
    public required ChunkKey Key { get; init; }

    /// <summary>Where it holds: 1 to <see cref="Limits.MaxReplicas"/> nodes, none twice, in any order.</summary>
    public required ImmutableArray<NodeId> Members { get; init; }

    /// <summary>Most bytes of a chunk that is written; else 0.</summary>
    public required int MaxLength { get; init; }

    /// <summary>Until when, to the millisecond.</summary>
    public required DateTimeOffset Expiry { get; init; }
}

/// <summary>A capability's fields as they stand in front of its members; nothing of it is proven yet.</summary>
internal readonly record struct CapabilityHead
{
    public required CapabilityOperation Operation { get; init; }

    public required int Count { get; init; }

    public required uint KeyId { get; init; }

    public required VolumeId Volume { get; init; }

    public required long Epoch { get; init; }

    public required ChunkKey Key { get; init; }

    public required uint MaxLength { get; init; }

    public required long ExpiryMilliseconds { get; init; }
}
