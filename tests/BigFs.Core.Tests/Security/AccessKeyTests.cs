using System.Security.Cryptography;
using BigFs.Core.Model;
using BigFs.Core.Security;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Security;

internal sealed class AccessKeyTests
{
    private static readonly Gen<byte[]> Random = Gen.Byte.Array[AccessKey.IdBytes + AccessKey.SecretBytes];

    [Test]
    public void A_key_reads_as_it_was_shown_and_is_the_one_of_its_hash_alone() => Random.Sample(bytes =>
    {
        AccessKey key = AccessKey.Create(bytes);
        AccessKey? read = AccessKey.TryParse(key.Reveal());
        bytes[^1] ^= 1;
        return read is not null
            && read.Id == key.Id
            && read.Is(key.Hash())
            && key.Reveal().Length == AccessKey.TextLength
            && !AccessKey.Create(bytes).Is(key.Hash());
    });

    [Test]
    public void What_it_is_written_to_shows_the_id_alone() => Random.Sample(bytes =>
    {
        AccessKey key = AccessKey.Create(bytes);
        string secret = key.Reveal()[(AccessKey.Prefix.Length + AccessKey.IdLength)..];
        return $"{key} {Record(key)}" is var text && text.Contains(key.Id) && !text.Contains(secret)
            && !text.Contains(Convert.ToHexString(key.Hash().AsSpan()), StringComparison.OrdinalIgnoreCase);
    });

    [Test]
    public void Anything_else_is_no_key()
    {
        string key = AccessKey.Create(RandomNumberGenerator.GetBytes(AccessKey.IdBytes + AccessKey.SecretBytes)).Reveal();
        string[] others =
        [
            "", "bigfs_", key[..^1], key + "A", key.ToUpperInvariant(), " " + key[1..], key.Replace('_', '-'), key[..^1] + "=",
            key[..^1] + "\n", "bigfs_" + new string('g', AccessKey.IdLength) + key[22..],
        ];

        Assert.That(others.Select(AccessKey.TryParse), Is.All.Null);
        Assert.That(AccessKey.TryParse(null), Is.Null);
    }

    [TestCase("id")]
    [TestCase("hash")]
    [TestCase("no name")]
    [TestCase("long name")]
    [TestCase("control name")]
    [TestCase("no rights")]
    [TestCase("other rights")]
    [TestCase("expired")]
    public void A_record_that_breaks_a_rule_is_refused(string what)
    {
        AccessKeyRecord good = Record(AccessKey.Create(new byte[AccessKey.IdBytes + AccessKey.SecretBytes]));
        good.Check();
        AccessKeyRecord bad = what switch
        {
            "id" => good with { Id = "0123" },
            "hash" => good with { Hash = [1] },
            "no name" => good with { Name = "" },
            "long name" => good with { Name = new string('é', 128) },
            "control name" => good with { Name = "a\nb" },
            "no rights" => good with { Rights = AccessRights.None },
            "other rights" => good with { Rights = (AccessRights)8 },
            _ => good with { Expires = good.Created },
        };

        Assert.That(Assert.Throws<BigFsException>(bad.Check)!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    [Test]
    public void Scattered_chunk_keys_differ_as_those_before_and_follow_no_order()
    {
        var secret = ClusterSecret.Create(RandomNumberGenerator.GetBytes(ClusterSecret.KeyBytes));
        var scatter = new ChunkKeyScatter(secret);
        ChunkKey[] keys = [.. Enumerable.Range(0, 20_000).Select(i => scatter.Scatter(ChunkKey.Create(1, i)))];

        Assert.That(keys.Distinct().Count(), Is.EqualTo(keys.Length));
        Assert.That(keys, Does.Not.Contain(Capability.WholeVolume));
        Assert.That(keys.Zip(keys.Skip(1)).Count(pair => pair.First.CompareTo(pair.Second) < 0), Is.InRange(9_000, 11_000));
        Assert.That(new ChunkKeyScatter(secret).Scatter(ChunkKey.Create(1, 7)), Is.EqualTo(keys[7]));
        Assert.That(
            new ChunkKeyScatter(ClusterSecret.Create(new byte[32])).Scatter(ChunkKey.Create(1, 7)), Is.Not.EqualTo(keys[7]));
    }

    [Test]
    public void A_version_is_another_one_below_every_root_and_comes_back()
    {
        var secret = ClusterSecret.Create(RandomNumberGenerator.GetBytes(ClusterSecret.KeyBytes));
        var one = new VersionVeil(secret, "/a");
        var other = new VersionVeil(secret, "/b");
        var all = new VersionVeil(secret, BigFsPath.Root);
        Gen.ULong.Sample(number =>
        {
            var version = new BigFsVersion(number);
            return one.Full(one.Own(version)) == version
                && one.Own(version) != other.Own(version)
                && one.Own(version) != version
                && all.Own(version) == version
                && new VersionVeil(secret, "/a").Own(version) == one.Own(version);
        });
    }

    private static AccessKeyRecord Record(AccessKey key) => new()
    {
        Id = key.Id,
        Hash = key.Hash(),
        Name = "test",
        Rights = AccessRights.Read,
        Root = BigFsPath.Root,
        Created = DateTimeOffset.UnixEpoch,
    };
}
