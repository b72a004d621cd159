using BigFs.Core.Chunking;
using BigFs.Core.Model;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Chunking;

[TestFixture]
public sealed class Crc32CTests
{
    private static readonly Gen<byte[]> Bytes = Gen.Byte.Array[0, 80_000];

    [Test]
    public void The_published_check_value_comes_out() =>
        Assert.That(Crc32C.Compute("123456789"u8), Is.EqualTo(0xE3069283));

    [TestCase(0x00, 0x8A9136AAu)]
    [TestCase(0xFF, 0x62A8AB43u)]
    public void The_vectors_of_rfc_3720_come_out(int fill, uint expected)
    {
        var bytes = new byte[32];
        Array.Fill(bytes, (byte)fill);
        Assert.That(Crc32C.Compute(bytes), Is.EqualTo(expected));
    }

    [Test]
    public void Every_length_around_the_lanes_agrees_with_the_bitwise_definition()
    {
        byte[] bytes = Pattern(3 * 3 * 8192);
        int[] edges = [0, 1, 7, 8, 9, 8191, 8192, 24575, 24576, 24577, 49151, 49152, 49153, bytes.Length];
        Assert.Multiple(() =>
        {
            foreach (int length in edges)
            {
                Assert.That(Crc32C.Compute(bytes.AsSpan(0, length)), Is.EqualTo(Bitwise(bytes.AsSpan(0, length))), $"{length}");
            }
        });
    }

    [Test]
    public void Any_bytes_agree_with_the_bitwise_definition() =>
        Bytes.Sample(bytes => Crc32C.Compute(bytes) == Bitwise(bytes), iter: 50, seed: "0N0XIzNsQ0O2");

    [Test]
    public void Appending_and_combining_pieces_give_the_checksum_of_the_whole() =>
        Gen.Select(Bytes, Bytes).Sample(
            (first, second) =>
            {
                uint whole = Crc32C.Compute([.. first, .. second]);
                return Crc32C.Append(Crc32C.Compute(first), second) == whole
                    && Crc32C.Combine(Crc32C.Compute(first), Crc32C.Compute(second), second.Length) == whole;
            },
            iter: 50,
            seed: "0N0XIzNsQ0O2");

    [Test]
    public void Products_by_the_processor_are_those_made_bit_by_bit() =>
        Gen.Select(Gen.UInt, Gen.UInt).Sample(
            (a, b) => Crc32C.Multiply(a, b) == Crc32C.MultiplyByBits(a, b), iter: 10_000, seed: "0N0XIzNsQ0O2");

    [Test]
    public void A_negative_length_is_refused() =>
        Assert.That(() => Crc32C.Combine(1, 2, -1), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(Limits.BlockSize - 1)]
    [TestCase(Limits.BlockSize)]
    [TestCase(Limits.BlockSize + 1)]
    [TestCase((3 * Limits.BlockSize) + 17)]
    public void Block_checksums_combine_to_the_checksum_of_the_whole(int length)
    {
        byte[] bytes = Pattern(length);
        uint[] blocks = BlockChecksums.Compute(bytes);
        Assert.That(blocks, Has.Length.EqualTo(BlockChecksums.Count(length)));
        Assert.That(BlockChecksums.Combine(blocks, length), Is.EqualTo(Crc32C.Compute(bytes)));
    }

    [Test]
    public void A_wrong_number_of_block_checksums_is_refused() =>
        Assert.That(() => BlockChecksums.Combine([1, 2], 5), Throws.ArgumentException);

    private static byte[] Pattern(int length)
    {
        var bytes = new byte[length];
        new Random(42).NextBytes(bytes);
        return bytes;
    }

    private static uint Bitwise(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int i = 0; i < 8; i++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }
}
