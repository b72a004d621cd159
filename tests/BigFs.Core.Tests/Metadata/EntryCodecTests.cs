using System.Collections.Immutable;
using BigFs.Core.Metadata;
using NUnit.Framework;

namespace BigFs.Core.Tests.Metadata;

[TestFixture]
internal sealed class EntryCodecTests
{
    private static readonly BigFsFile File = new()
    {
        Path = "/a/\U0001F600",
        Created = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Modified = new DateTimeOffset(2031, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(7),
        Version = new BigFsVersion(ulong.MaxValue),
        Size = long.MaxValue,
        Crc32C = uint.MaxValue,
        Replicas = 8,
        ContentType = "",
        Metadata = ImmutableSortedDictionary<string, string>.Empty.Add("k", "").Add("ü", "v"),
    };

    [Test]
    public void A_file_comes_back_whole()
    {
        var found = (BigFsFile)EntryCodec.Decode(EntryCodec.Encode(File));

        Assert.That(found.Metadata, Is.EquivalentTo(File.Metadata));
        Assert.That(found, Is.EqualTo(File with { Metadata = found.Metadata }));
    }

    [Test]
    public void A_directory_comes_back_whole()
    {
        var directory = new BigFsDirectory { Path = "/", Created = File.Created, Modified = File.Created };

        Assert.That(EntryCodec.Decode(EntryCodec.Encode(directory)), Is.EqualTo(directory));
    }

    [Test]
    public void No_notes_take_no_bytes_and_an_empty_media_type_is_not_none()
    {
        Assert.That(EntryCodec.EncodeNotes(null, ImmutableDictionary<string, string>.Empty), Is.Null);
        Assert.That(EntryCodec.DecodeNotes([]).ContentType, Is.Null);
        Assert.That(
            EntryCodec.DecodeNotes(EntryCodec.EncodeNotes("", ImmutableDictionary<string, string>.Empty)).ContentType, Is.Empty);
    }

    [Test]
    public void Every_cut_and_every_byte_too_many_is_refused()
    {
        byte[] bytes = EntryCodec.Encode(File);
        for (int length = 0; length < bytes.Length; length++)
        {
            byte[] cut = bytes[..length];
            Assert.That(
                () => EntryCodec.Decode(cut),
                Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.DataUnreadable));
        }

        Assert.That(() => EntryCodec.Decode([.. bytes, 0]), Throws.TypeOf<BigFsException>());
    }
}
