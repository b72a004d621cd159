using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Metadata;

[TestFixture]
internal sealed class ManifestCodecTests
{
    private static readonly Gen<ImmutableArray<ChunkReference>> Manifests =
        Gen.Select(Gen.Long, Gen.ULong, Gen.Int[0, int.MaxValue], Gen.UInt)
            .Select(one => new ChunkReference(new VolumeId(one.Item1), new ChunkKey(one.Item2), one.Item3, one.Item4))
            .Array[0, 100]
            .Select(chunks => chunks.ToImmutableArray());

    [Test]
    public void What_was_encoded_is_decoded() =>
        Manifests.Sample(
            manifest => ManifestCodec.Decode(ManifestCodec.Encode(manifest.AsSpan())).SequenceEqual(manifest), iter: 2000);

    [Test]
    public void A_form_cut_short_or_too_long_is_refused() =>
        Gen.Select(Manifests, Gen.Double[0, 1]).Sample(
            (manifest, where) =>
            {
                byte[] bytes = ManifestCodec.Encode(manifest.AsSpan());
                return IsRefused(bytes[..(int)(where * (bytes.Length - 1))]) && IsRefused([.. bytes, 0]);
            },
            iter: 1000);

    [Test]
    public void Any_bytes_are_decoded_or_refused_and_nothing_else() =>
        Gen.Byte.Array[0, 200].Sample(
            bytes =>
            {
                byte[] form = [1, .. bytes];
                if (!IsRefused(form))
                {
                    Assert.That(ManifestCodec.Decode(form), Has.Length.LessThanOrEqualTo(bytes.Length / 7));
                }
            },
            iter: 5000);

    [Test]
    public void A_count_beyond_the_bytes_at_hand_is_refused_before_anything_is_allocated()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(IsRefused([1, 0xFF, 0xFF, 0x3F]), Is.True, "1,048,575 references in no bytes");
        Assert.That(IsRefused([1, 0x81, 0x80, 0x40]), Is.True, "more than any file has");
        Assert.That(IsRefused([2, 0]), Is.True, "another form");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void The_chunks_of_one_upload_take_ten_bytes_each_at_most()
    {
        ChunkReference[] chunks =
        [
            .. Enumerable.Range(0, 1024).Select(i => new ChunkReference(
                new VolumeId(900 + (i % 3)), ChunkKey.Create(77, 5_000_000 + i), Limits.DefaultChunkSize, (uint)i * 977)),
        ];

        Assert.That(ManifestCodec.Encode(chunks), Has.Length.LessThan(10 * 1024));
    }

    private static bool IsRefused(byte[] bytes)
    {
        try
        {
            ManifestCodec.Decode(bytes);
            return false;
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            return true;
        }
    }
}
