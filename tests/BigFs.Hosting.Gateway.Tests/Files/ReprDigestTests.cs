using System.Buffers.Binary;
using System.Security.Cryptography;
using BigFs.Core.Chunking;
using NUnit.Framework;
using static System.Net.HttpStatusCode;

namespace BigFs.Hosting.Gateway.Tests.Files;

/// <summary>Checksums of contents over HTTP.</summary>
[CancelAfter(120_000)]
internal sealed class ReprDigestTests : SharedCluster
{
    public static string Crc(byte[] bytes)
    {
        byte[] crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32C.Compute(bytes));
        return $"crc32c=:{Convert.ToBase64String(crc)}:";
    }

    public static string Sha(byte[] bytes) => $"sha-256=:{Convert.ToBase64String(SHA256.HashData(bytes))}:";

    [TestCase(10)]
    [TestCase(12_000_000)]
    public async Task A_right_checksum_is_kept_and_a_wrong_one_stores_nothing(int length)
    {
        byte[] bytes = Bytes(length), other = Bytes(length, seed: 2);
        foreach ((string right, string wrong) in new[] { (Sha(bytes), Sha(other)), (Crc(bytes), Crc(other)), ($"{Crc(bytes)}, {Sha(bytes)}", $"{Crc(bytes)}, {Sha(other)}") })
        {
            string target = NewFile();

            HttpResponseMessage refused = await PutAsync(target, bytes, ("Repr-Digest", wrong));
            HttpResponseMessage absent = await GetAsync(target);
            HttpResponseMessage put = await PutAsync(target, bytes, ("Repr-Digest", right));
            HttpResponseMessage got = await GetAsync(target, ("Range", "bytes=0-0"));

            string expected = right.Contains("sha-256", StringComparison.Ordinal) ? $"{Sha(bytes)}, {Crc(bytes)}" : Crc(bytes);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(refused.StatusCode, Is.EqualTo(BadRequest), wrong);
                Assert.That(await CodeOfAsync(refused), Is.EqualTo("InvalidArgument"));
                Assert.That(absent.StatusCode, Is.EqualTo(NotFound));
                Assert.That(put.StatusCode, Is.EqualTo(Created));
                Assert.That(string.Join(", ", got.Headers.GetValues("Repr-Digest")), Is.EqualTo(expected));
            }
        }
    }

    [TestCase("sha-256")]
    [TestCase("sha-256=:xx:")]
    [TestCase("sha-256=:AAAA:")]
    [TestCase("crc32c=:!!!!:")]
    public async Task A_checksum_that_cannot_be_read_is_refused(string header) =>
        Assert.That(await CodeOfAsync(await PutAsync(NewFile(), Bytes(5), ("Repr-Digest", header))), Is.EqualTo("InvalidArgument"));

    [Test]
    public async Task Kinds_that_nobody_knows_are_passed_over_and_content_digest_counts_too()
    {
        byte[] bytes = Bytes(5);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await PutAsync(NewFile(), bytes, ("Repr-Digest", "md9=:AAAA:"))).StatusCode, Is.EqualTo(Created));
            Assert.That((await PutAsync(NewFile(), bytes, ("Content-Digest", Sha(bytes)))).StatusCode, Is.EqualTo(Created));
            Assert.That((await PutAsync(NewFile(), bytes, ("Content-Digest", Sha(Bytes(6))))).StatusCode, Is.EqualTo(BadRequest));
        }
    }
}
