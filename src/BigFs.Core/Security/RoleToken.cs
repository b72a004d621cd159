using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BigFs.Core.Security;

/// <summary>
/// The layout of a role's token, by which one role proves itself to another for one call: who calls, when, under which
/// number, and an HMAC-SHA256 (RFC 2104) over that, the method and the node that is meant. Little-endian.
/// </summary>
/// <remarks>
/// Byte 0: version 1. Byte 1: the calling role. Bytes 2 and 3: 0. Bytes 4 to 7: the number of the cluster's key. 8 to 15: a
/// random number of the sender. 16 to 23: its count of this token, from 1. 24 to 31: when it was made, milliseconds since
/// 1970. 32 to 63: the MAC.
/// </remarks>
internal static class RoleToken
{
    public const int Length = HeadLength + HMACSHA256.HashSizeInBytes;

    private const int HeadLength = 32;
    private const byte FormatVersion = 1;

    /// <summary>Writes a token.</summary>
    public static byte[] Write(in RoleTokenClaims claims, string method, ReadOnlySpan<byte> node, ReadOnlySpan<byte> key)
    {
        var token = new byte[Length];
        token[0] = FormatVersion;
        token[1] = claims.Caller;
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(4), claims.KeyId);
        BinaryPrimitives.WriteUInt64LittleEndian(token.AsSpan(8), claims.Sender);
        BinaryPrimitives.WriteUInt64LittleEndian(token.AsSpan(16), claims.Count);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(24), claims.MadeAtMilliseconds);
        Sign(token.AsSpan(0, HeadLength), method, node, key, token.AsSpan(HeadLength));
        return token;
    }

    /// <summary>Reads what a token claims; nothing of it is proven yet. False when the bytes are none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> token, out RoleTokenClaims claims)
    {
        claims = default;
        if (token.Length != Length || token[0] != FormatVersion || token[2] != 0 || token[3] != 0)
        {
            return false;
        }

        claims = new RoleTokenClaims(
            token[1],
            BinaryPrimitives.ReadUInt32LittleEndian(token[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(token[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(token[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[24..]));
        return claims.Count > 0;
    }

    /// <summary>Whether a token was made with a key for this method and node; takes the same time either way.</summary>
    public static bool IsSigned(ReadOnlySpan<byte> token, string method, ReadOnlySpan<byte> node, ReadOnlySpan<byte> key)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Sign(token[..HeadLength], method, node, key, mac);
        return CryptographicOperations.FixedTimeEquals(mac, token[HeadLength..]);
    }

    private static void Sign(
        ReadOnlySpan<byte> head, string method, ReadOnlySpan<byte> node, ReadOnlySpan<byte> key, Span<byte> mac)
    {
        // The node's id is 16 bytes or none, and what comes before the method has one length: nothing runs into another.
        int length = head.Length + 1 + node.Length + Encoding.UTF8.GetByteCount(method);
        byte[] signed = new byte[length];
        head.CopyTo(signed);
        signed[head.Length] = (byte)node.Length;
        node.CopyTo(signed.AsSpan(head.Length + 1));
        Encoding.UTF8.GetBytes(method, signed.AsSpan(head.Length + 1 + node.Length));
        HMACSHA256.HashData(key, signed, mac);
    }
}

/// <summary>What a role's token claims.</summary>
/// <param name="Caller">The role that calls, by its number.</param>
/// <param name="KeyId">The cluster's key.</param>
/// <param name="Sender">A random number of the process that calls.</param>
/// <param name="Count">How many it has made, this one included.</param>
/// <param name="MadeAtMilliseconds">When, since 1970.</param>
internal readonly record struct RoleTokenClaims(byte Caller, uint KeyId, ulong Sender, ulong Count, long MadeAtMilliseconds);
