using System.Buffers.Binary;
using System.Security.Cryptography;

namespace BigFs.Core.Security;

/// <summary>
/// A permutation of all 64-bit numbers under a key: four rounds of Feistel over HMAC-SHA256 (Luby and Rackoff, 1988). Numbers
/// that differ stay so, and who has not the key cannot tell which became which. Immutable.
/// </summary>
internal sealed class KeyedPermutation(byte[] key)
{
    private const int Rounds = 4;

    /// <summary>What a number becomes.</summary>
    public ulong Permute(ulong value)
    {
        (uint left, uint right) = ((uint)(value >> 32), (uint)value);
        for (int round = 0; round < Rounds; round++)
        {
            (left, right) = (right, left ^ Mix(round, right));
        }

        return ((ulong)left << 32) | right;
    }

    /// <summary>What a number was.</summary>
    public ulong Invert(ulong value)
    {
        (uint left, uint right) = ((uint)(value >> 32), (uint)value);
        for (int round = Rounds - 1; round >= 0; round--)
        {
            (left, right) = (right ^ Mix(round, left), left);
        }

        return ((ulong)left << 32) | right;
    }

    private uint Mix(int round, uint half)
    {
        Span<byte> input = stackalloc byte[5];
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        input[0] = (byte)round;
        BinaryPrimitives.WriteUInt32LittleEndian(input[1..], half);
        HMACSHA256.HashData(key, input, mac);
        return BinaryPrimitives.ReadUInt32LittleEndian(mac);
    }
}
