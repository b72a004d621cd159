using System.Buffers.Binary;

namespace BigFs.Faults.Driver;

/// <summary>The bytes of a key's chunk, so that whoever checks needs nothing but the key.</summary>
internal static class ChunkContent
{
    private static readonly int[] Lengths =
        [1, 63, 64, 500, 4000, 4096, 4097, 9000, 20_000, 65_535, 65_536, 65_537, 131_072, 300_001];

    public static byte[] Of(ulong key)
    {
        ulong state = (key + 1) * 0x9E3779B97F4A7C15;
        var bytes = new byte[Lengths[Mix(ref state) % (ulong)Lengths.Length]];
        Span<byte> word = stackalloc byte[8];
        for (int at = 0; at < bytes.Length; at += word.Length)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Mix(ref state));
            word[..Math.Min(word.Length, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
        }

        return bytes;
    }

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014): the same on every machine and version.</summary>
    private static ulong Mix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
