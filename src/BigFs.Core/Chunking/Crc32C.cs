using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BigFs.Core.Chunking;

/// <summary>
/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 appendix B.4), in three interleaved lanes so that
/// the processor's instruction (latency 3, throughput 1) is kept busy; lanes are joined by the combine rule that zlib's
/// crc32_combine describes: appending n zero bytes is a multiplication by x^(8n) modulo the polynomial.
/// </summary>
public static class Crc32C
{
    private const uint Polynomial = 0x82F63B78;
    private const int Lane = 8192;

    /// <summary>x^(2^k) modulo the polynomial, for k from 0 to 66 (bytes times 8 of any 63-bit length).</summary>
    private static readonly uint[] Powers = MakePowers();

    private static readonly uint LaneShift = Power((ulong)Lane * 8);

    private static readonly uint TwoLanesShift = Power((ulong)Lane * 16);

    /// <summary>The checksum of the bytes.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by the bytes.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        while (bytes.Length >= 3 * Lane)
        {
            ReadOnlySpan<ulong> a = MemoryMarshal.Cast<byte, ulong>(bytes[..Lane]);
            ReadOnlySpan<ulong> b = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(Lane, Lane));
            ReadOnlySpan<ulong> c = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(2 * Lane, Lane));
            uint second = 0, third = 0;
            for (int i = 0; i < a.Length && i < b.Length && i < c.Length; i++)
            {
                state = BitOperations.Crc32C(state, a[i]);
                second = BitOperations.Crc32C(second, b[i]);
                third = BitOperations.Crc32C(third, c[i]);
            }

            state = Multiply(state, TwoLanesShift) ^ Multiply(second, LaneShift) ^ third;
            bytes = bytes[(3 * Lane)..];
        }

        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            state = BitOperations.Crc32C(state, word);
        }

        foreach (byte one in bytes[(words.Length * sizeof(ulong))..])
        {
            state = BitOperations.Crc32C(state, one);
        }

        return ~state;
    }

    /// <summary>The checksum of two pieces in a row, from the checksum of each and the second's length in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public static uint Combine(uint first, uint second, long secondLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(secondLength);
        return Multiply(first, Power((ulong)secondLength * 8)) ^ second;
    }

    /// <summary>
    /// Product of two polynomials modulo the CRC's, both in reflected bit order. By the processor's own instructions where it has
    /// them: a carry-less product of 63 bits, whose higher powers (the low half, reflected) the CRC instruction reduces.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint Multiply(uint a, uint b)
    {
        if (!Pclmulqdq.IsSupported)
        {
            return MultiplyByBits(a, b);
        }

        ulong product = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar((ulong)a), Vector128.CreateScalar((ulong)b), 0).ToScalar() << 1;
        return BitOperations.Crc32C(0, (uint)product) ^ (uint)(product >> 32);
    }

    /// <summary>The same, bit by bit.</summary>
    internal static uint MultiplyByBits(uint a, uint b)
    {
        uint product = 0;
        for (uint mask = 1u << 31; mask != 0; mask >>= 1)
        {
            if ((a & mask) != 0)
            {
                product ^= b;
            }

            b = (b & 1) != 0 ? (b >> 1) ^ Polynomial : b >> 1;
        }

        return product;
    }

    /// <summary>x^exponent modulo the polynomial.</summary>
    private static uint Power(ulong exponent)
    {
        uint result = 1u << 31; // x^0
        for (int k = 0; exponent != 0; k++, exponent >>= 1)
        {
            if ((exponent & 1) != 0)
            {
                result = Multiply(result, Powers[k]);
            }
        }

        return result;
    }

    private static uint[] MakePowers()
    {
        var powers = new uint[67];
        powers[0] = 1u << 30; // x^1
        for (int k = 1; k < powers.Length; k++)
        {
            powers[k] = Multiply(powers[k - 1], powers[k - 1]);
        }

        return powers;
    }
}
