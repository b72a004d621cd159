using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Tests.Faults;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Metadata;

[TestFixture]
internal sealed class PackedEntriesTests
{
    private static readonly DateTimeOffset Noon = new(2030, 6, 1, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void Entries_come_back_whole_whatever_they_hold()
    {
        long cases = Effort.Cases(3_000, 300_000);
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                BigFsPath directory = random.Next(3) == 0 ? BigFsPath.Root : random.Next(2) == 0 ? "/d" : "/ä/\U0001F600/c";
                ImmutableArray<BigFsEntry> entries = Entries(directory, random);
                var found = new List<BigFsEntry>();
                for (int next = 0; next < entries.Length;)
                {
                    (byte[] packed, int after) = PackedEntries.Pack(directory, entries, next, random.Next(1, 2000));
                    Assert.That(after, Is.GreaterThan(next));
                    found.AddRange(PackedEntries.Unpack(directory, packed));
                    Assert.That(found, Has.Count.EqualTo(after));
                    next = after;
                }

                Assert.That(found.Select(Text), Is.EqualTo(entries.Select(Text)));
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases,
            threads: 1);
    }

    [Test]
    public void Spoiled_bytes_are_refused_or_read_as_legal_entries_below_the_directory()
    {
        long cases = Effort.Cases(20_000, 1_000_000);
        int read = 0;
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                byte[] packed = PackedEntries.Pack("/d", Entries("/d", random), 0, 4000).Packed;
                try
                {
                    foreach (BigFsEntry entry in PackedEntries.Unpack("/d", Spoiling.Spoil(packed, random)))
                    {
                        Assert.That(BigFsPath.TryParse(entry.Path.ToString(), null, out _) && entry.Path.IsBelow("/d"), $"{entry.Path}");
                    }

                    read++;
                }
                catch (BigFsException refused)
                {
                    Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));
                }
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases,
            threads: 1);
        Effort.Figure($"packed entries: {cases} spoiled, {read} of them readable");
    }

    [Test]
    public void Every_cut_and_every_byte_too_many_is_refused()
    {
        byte[] bytes = PackedEntries.Pack("/", Entries(BigFsPath.Root, new Random(1)), 0, 1 << 20).Packed;
        for (int length = 0; length < bytes.Length; length++)
        {
            byte[] cut = bytes[..length];
            Assert.That(
                () => PackedEntries.Unpack("/", cut),
                Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.DataUnreadable));
        }

        Assert.That(() => PackedEntries.Unpack("/", [.. bytes, 0]), Throws.TypeOf<BigFsException>());
    }

    [TestCase("")]
    [TestCase(".")]
    [TestCase("..")]
    [TestCase("a//b")]
    [TestCase("/a")]
    [TestCase("a/")]
    [TestCase("a/../b")]
    [TestCase("a\0b")]
    [TestCase("257")]
    public void A_name_that_is_none_is_refused(string name)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(name == "257" ? new string('n', 256) : name);
        Assert.That(
            () => PackedEntries.Unpack("/d", Directory(text)),
            Throws.TypeOf<BigFsException>().With.Message.Contains("a name is not valid"));
    }

    [Test]
    public void A_name_of_broken_UTF8_is_refused_and_one_of_255_bytes_is_not()
    {
        Assert.That(() => PackedEntries.Unpack("/d", Directory([0x61, 0xC3])), Throws.TypeOf<BigFsException>());
        Assert.That(PackedEntries.Unpack("/d", Directory(new byte[255].Select(_ => (byte)'n').ToArray())), Has.Length.EqualTo(1));
    }

    [Test]
    public void Names_that_begin_alike_and_near_times_take_few_bytes()
    {
        ImmutableArray<BigFsEntry> entries =
        [
            .. Enumerable.Range(0, 1000).Select(i => (BigFsEntry)new BigFsFile
            {
                Path = $"/bench/{i:D8}",
                Created = Noon.AddTicks(i * 1000),
                Modified = Noon.AddTicks(i * 1000),
                Version = new BigFsVersion((ulong)i << 32),
                Replicas = 2,
            }),
        ];

        Assert.That(PackedEntries.Pack("/bench", entries, 0, 1 << 20).Packed, Has.Length.LessThan(24 * 1000));
    }

    [Test]
    public void An_entry_of_another_directory_is_a_fault() =>
        Assert.That(
            () => PackedEntries.Pack("/d", [new BigFsDirectory { Path = "/dd/a" }], 0, 100), Throws.ArgumentException);

    /// <summary>A packed directory of any name, of which nothing is checked.</summary>
    private static byte[] Directory(byte[] name)
    {
        byte[] length = name.Length < 0x80 ? [(byte)name.Length] : [(byte)(name.Length | 0x80), (byte)(name.Length >> 7)];
        return [1, 1, 0, 0, .. length, .. name, 0];
    }

    private static ImmutableArray<BigFsEntry> Entries(BigFsPath directory, Random random)
    {
        var entries = ImmutableArray.CreateBuilder<BigFsEntry>();
        for (int count = random.Next(1, 60); count > 0; count--)
        {
            BigFsPath path = directory / Name(random);
            path = random.Next(8) == 0 ? path / Name(random) : path;
            DateTimeOffset created = Noon.AddTicks(random.NextInt64(-(1L << 58), 1L << 58));
            entries.Add(random.Next(4) == 0
                ? new BigFsDirectory { Path = path, Created = created, Modified = created }
                : new BigFsFile
                {
                    Path = path,
                    Created = created,
                    Modified = random.Next(2) == 0 ? created : Noon,
                    Version = new BigFsVersion((ulong)random.NextInt64()),
                    Size = random.NextInt64(),
                    Crc32C = (uint)random.Next(),
                    Replicas = random.Next(9),
                    ContentType = random.Next(3) == 0 ? "text/plain" : null,
                    Metadata = random.Next(3) == 0
                        ? ImmutableSortedDictionary<string, string>.Empty.Add("k", Name(random)).Add("ü", "")
                        : ImmutableSortedDictionary<string, string>.Empty,
                });
        }

        return entries.DrainToImmutable();
    }

    private static string Name(Random random)
    {
        string[] parts = ["a", "b", "ab", "ä", "é", "e\u0301", "\U0001F600", "\U0001F601", " ", "..."];
        return string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => parts[random.Next(parts.Length)])) + "x";
    }

    private static string Text(BigFsEntry entry) => entry is BigFsFile file
        ? file with { Metadata = ImmutableSortedDictionary<string, string>.Empty }
            + string.Join(',', file.Metadata.Select(pair => $"{pair.Key}={pair.Value}"))
        : entry.ToString();
}
