using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>Index files, whole and with bits turned over.</summary>
[TestFixture]
internal sealed class IndexProperties
{
    private const int CasesOfOneFile = 500;

    [Test]
    public void A_header_that_claims_more_than_any_file_holds_is_refused(
        [Values(1, 169, 1_000_000, 4_000_000_000, 364_000_000_000, 365_072_219_900)] long entries) =>
        Assert.That(IndexImage.Read(IndexImage.WriteHeader(entries), _ => Task.FromResult(true)), Is.Null);

    [Test]
    public void A_key_is_found_as_it_was_written_or_the_file_says_that_it_is_damaged()
    {
        long cases = Effort.Cases(10_000);
        Gen.Select(Gen.Int[1, 700], Gen.Int).Sample(
            (count, seed) =>
            {
                var random = new Random(seed);
                IndexEntry[] entries = IndexImage.Entries(count, random);
                Dictionary<ulong, IndexEntry> model = entries.ToDictionary(entry => entry.Key);
                byte[] bytes = IndexImage.Write(entries);
                bool isDamaged = random.Next(4) != 0;
                if (isDamaged)
                {
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                bool? isRead = IndexImage.Read(bytes, async file =>
                {
                    for (int i = 0; i < CasesOfOneFile; i++)
                    {
                        ulong key = entries[random.Next(count)].Key + (ulong)random.Next(2);
                        IndexEntry? expected = model.TryGetValue(key, out IndexEntry entry) ? entry : null;
                        IndexEntry? found = expected;
                        try
                        {
                            found = await file.FindAsync(key);
                        }
                        catch (DiskException) when (isDamaged)
                        {
                            continue;
                        }

                        if (found != expected)
                        {
                            Assert.Fail($"key {key}: {found} instead of {expected}");
                        }
                    }

                    return true;
                });
                Assert.That(isRead is not null || isDamaged);
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases / CasesOfOneFile,
            threads: 1);
        Effort.Figure($"index: {cases} cases");
    }
}
