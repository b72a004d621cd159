using System.Buffers.Binary;
using System.Security.Cryptography;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// Scatters the keys of chunks over all 64-bit numbers, so that nobody guesses one who was not told it: a location lets its
/// holder read every chunk of a volume whose key it knows, and volumes hold the chunks of many. A permutation (four rounds
/// of Feistel over HMAC-SHA256: Luby and Rackoff, 1988), so that keys that differ stay so. Thread-safe.
/// </summary>
public sealed class ChunkKeyScatter
{
    private const int Rounds = 4;

    private readonly byte[] _key;

    /// <summary>Takes the permutation of a cluster's secret.</summary>
    public ChunkKeyScatter(ClusterSecret secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        _key = secret.ScatteringKey();
    }

    /// <summary>The scattered key; never the one that stands for no chunk.</summary>
    public ChunkKey Scatter(ChunkKey key)
    {
        ulong value = key.Value;
        do
        {
            value = Permute(value);
        }
        while (value == Capability.WholeVolume.Value);

        return new ChunkKey(value);
    }

    private ulong Permute(ulong value)
    {
        Span<byte> input = stackalloc byte[5];
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        (uint left, uint right) = ((uint)(value >> 32), (uint)value);
        for (byte round = 0; round < Rounds; round++)
        {
            input[0] = round;
            BinaryPrimitives.WriteUInt32LittleEndian(input[1..], right);
            HMACSHA256.HashData(_key, input, mac);
            (left, right) = (right, left ^ BinaryPrimitives.ReadUInt32LittleEndian(mac));
        }

        return ((ulong)left << 32) | right;
    }
}
