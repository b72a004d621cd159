using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Security;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class CapabilityTests
{
    private const long Epoch = 3;
    private const int Length = 1000;

    /// <summary>
    /// Made by another implementation, from the description alone: key 5 of the bytes 0 to 31, nodes 11.. and 22.., a write of
    /// chunk 9 of incarnation 1 into volume 7 under epoch 3, at most 8 MiB, until 1,700,000,000 s of Unix time.
    /// </summary>
    private const string Sample =
        "0101020005000000070000000000000003000000000000000900000000010000000080000000000000"
        + "68e5cf8b01000011111111111111111111111111111111222222222222222222222222222222222cd0ab5b9a9c06ed"
        + "f82583c3ce0fcb559dfc4329ca7dd93ad5d3c1b36c0ed86902590e684cd3a852736e02eab1caae3ab2b82ae2364bfe"
        + "28dff734d0863c7c16";

    private static readonly VolumeId Volume = new(7);
    private static readonly ChunkKey Key = ChunkKey.Create(1, 9);
    private static readonly NodeId Here = new(new Guid("11111111111111111111111111111111"));
    private static readonly NodeId There = new(new Guid("22222222222222222222222222222222"));
    private static readonly ImmutableArray<NodeId> Members = [Here, There];
    private static readonly CapabilityOptions Options = new();

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    private static CapabilityUse Write => new()
    {
        Operation = CapabilityOperation.WriteChunk,
        Volume = Volume,
        Key = Key,
        Epoch = Epoch,
        Members = Members,
        Length = Length,
    };

    private static CapabilityUse Read => new() { Operation = CapabilityOperation.ReadChunks, Volume = Volume, Key = Key };

    [Test]
    public void The_layout_is_as_it_is_described()
    {
        var claims = new CapabilityClaims
        {
            Operation = CapabilityOperation.WriteChunk,
            Volume = Volume,
            Epoch = Epoch,
            Key = Key,
            Members = Members,
            MaxLength = 8 << 20,
            Expiry = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000),
        };
        ClusterSecret secret = Secret("5", [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

        ImmutableArray<byte> token = Capability.Sign(claims, 5, secret.SigningKeyOf);

        Assert.That(Convert.ToHexStringLower(token.AsSpan()), Is.EqualTo(Sample));
        Assert.That(Verifier(Here, secret).Check(token.AsSpan(), Write), Is.EqualTo(CapabilityRefusal.None));
    }

    [Test]
    public void A_write_is_allowed_at_each_member_in_whatever_order_the_pipeline_has()
    {
        ReadOnlySpan<byte> token = SignWrite().AsSpan();

        Assert.That(Verifier(Here).Check(token, Write), Is.EqualTo(CapabilityRefusal.None));
        Assert.That(Verifier(There).Check(token, Write with { Members = [There, Here] }), Is.EqualTo(CapabilityRefusal.None));
        Assert.That(Verifier(Here).Check(token, Write with { Length = 1 }), Is.EqualTo(CapabilityRefusal.None), "a shorter chunk");
    }

    [Test]
    public void A_capability_to_read_a_volume_is_for_any_chunk_of_it_under_any_epoch()
    {
        ReadOnlySpan<byte> token = Signer().SignRead(Volume, Epoch, Members).AsSpan();

        Assert.That(Verifier(Here).Check(token, Read), Is.EqualTo(CapabilityRefusal.None));
        Assert.That(Verifier(Here).Check(token, Read with { Key = ChunkKey.Create(9, 9) }), Is.EqualTo(CapabilityRefusal.None));
    }

    [Test]
    public void Anything_else_than_what_was_granted_is_refused()
    {
        ImmutableArray<byte> write = SignWrite(), read = Signer().SignRead(Volume, Epoch, Members);
        NodeId third = new(new Guid("33333333333333333333333333333333"));
        (ImmutableArray<byte> Token, CapabilityUse Use, CapabilityRefusal Expected)[] cases =
        [
            ([], Write, CapabilityRefusal.Absent),
            (read, Write, CapabilityRefusal.OtherOperation),
            (write, Read, CapabilityRefusal.OtherOperation),
            (read, Read with { Operation = CapabilityOperation.CopyVolume }, CapabilityRefusal.OtherOperation),
            (read, Read with { Operation = CapabilityOperation.VerifyChunks }, CapabilityRefusal.OtherOperation),
            (read, Read with { Volume = new VolumeId(8) }, CapabilityRefusal.OtherVolume),
            (write, Write with { Volume = new VolumeId(8) }, CapabilityRefusal.OtherVolume),
            (write, Write with { Key = ChunkKey.Create(1, 10) }, CapabilityRefusal.OtherChunk),
            (write, Write with { Epoch = Epoch + 1 }, CapabilityRefusal.OtherEpoch),
            (write, Write with { Epoch = Epoch - 1 }, CapabilityRefusal.OtherEpoch),
            (write, Write with { Members = [Here] }, CapabilityRefusal.OtherMembers),
            (write, Write with { Members = [Here, third] }, CapabilityRefusal.OtherMembers),
            (write, Write with { Members = [Here, There, third] }, CapabilityRefusal.OtherMembers),
            (write, Write with { Members = default }, CapabilityRefusal.OtherMembers),
            (write, Write with { Length = Length + 1 }, CapabilityRefusal.TooLong),
            (Signer().SignWrite(Volume, Epoch, Members, Capability.WholeVolume, Length), Write, CapabilityRefusal.OtherChunk),
            (Signer().SignWrite(Volume, Epoch, [There, third], Key, Length), Write, CapabilityRefusal.OtherNode),
        ];
        foreach ((ImmutableArray<byte> token, CapabilityUse use, CapabilityRefusal expected) in cases)
        {
            Assert.That(Verifier(Here).Check(token.AsSpan(), use), Is.EqualTo(expected), $"{use}");
        }
    }

    [Test]
    public void Cut_short_or_with_more_behind_it_it_is_none()
    {
        byte[] token = [.. SignWrite()];
        CapabilityVerifier verifier = Verifier(Here);
        for (int length = 1; length < token.Length; length++)
        {
            Assert.That(verifier.Check(token.AsSpan(0, length), Write), Is.EqualTo(CapabilityRefusal.Malformed), $"{length} bytes");
        }

        Assert.That(verifier.Check([.. token, 0], Write), Is.EqualTo(CapabilityRefusal.Malformed));
    }

    [Test]
    public void Any_bit_flipped_is_noticed_wherever_this_node_is_concerned()
    {
        CapabilityVerifier here = Verifier(Here), there = Verifier(There);
        Gen.Select(Gen.Int[1, Limits.MaxReplicas], Gen.Long, Gen.Long, Gen.ULong[1, ulong.MaxValue], Gen.Int[0, 1 << 20]).Sample(
            (count, volume, epoch, key, at) =>
            {
                ImmutableArray<NodeId> members = [.. Enumerable.Range(0, count - 1).Select(NodeOf), Here];
                var use = new CapabilityUse
                {
                    Operation = CapabilityOperation.WriteChunk,
                    Volume = new VolumeId(volume),
                    Key = new ChunkKey(key),
                    Epoch = epoch,
                    Members = members,
                    Length = Length,
                };
                byte[] token = [.. Signer().SignWrite(use.Volume, epoch, members, use.Key, Length)];
                Assert.That(here.Check(token, use), Is.EqualTo(CapabilityRefusal.None));

                // The MACs of other members are theirs to check; this node's is the last.
                int bits = 8 * (Capability.ClaimsLengthFor(count) + Capability.MacBytes);
                int bit = at % bits;
                int index = bit < 8 * Capability.ClaimsLengthFor(count)
                    ? bit / 8
                    : token.Length - Capability.MacBytes + (bit / 8) - Capability.ClaimsLengthFor(count);
                token[index] ^= (byte)(1 << (bit % 8));
                Assert.That(here.Check(token, use), Is.Not.EqualTo(CapabilityRefusal.None), $"byte {index}, bit {bit % 8}");
            },
            seed: "0N0XIzNsQ0O2",
            iter: 10_000);

        byte[] both = [.. SignWrite()];
        both[^1] ^= 1;
        Assert.That(here.Check(both, Write), Is.EqualTo(CapabilityRefusal.None), "the other member's MAC");
        Assert.That(there.Check(both, Write), Is.EqualTo(CapabilityRefusal.Forged));
    }

    [Test]
    public void Random_bytes_never_are_one_and_never_do_harm()
    {
        CapabilityVerifier verifier = Verifier(Here);
        byte[] token = [.. SignWrite()];
        byte[] concerning = token[..(Capability.ClaimsLengthFor(2) + Capability.MacBytes)];
        Gen.Select(Gen.Byte.Array[1, Capability.MaxBytes + 50], Gen.Int[0, token.Length]).Sample(
            (bytes, kept) =>
            {
                Assert.That(verifier.Check(bytes, Write), Is.Not.EqualTo(CapabilityRefusal.None));
                byte[] mixed = [.. token[..Math.Min(kept, bytes.Length)], .. bytes[Math.Min(kept, bytes.Length)..]];
                if (mixed.Length != token.Length || !mixed.AsSpan().StartsWith(concerning))
                {
                    Assert.That(verifier.Check(mixed, Write), Is.Not.EqualTo(CapabilityRefusal.None));
                }
            },
            seed: "0N0XIzNsQ0O2",
            iter: 2000);
    }

    [Test]
    public void It_ends_with_its_time_and_clocks_may_differ_a_little()
    {
        ImmutableArray<byte> token = SignWrite();
        CapabilityVerifier verifier = Verifier(Here);
        CapabilityVerifier behind = new(Secret().KeysOf(Here), Options, new FakeTimeProvider(_time.GetUtcNow() - TimeSpan.FromHours(1)));

        _time.Advance(Options.WriteLifetime + Options.Skew);
        Assert.That(verifier.Check(token.AsSpan(), Write), Is.EqualTo(CapabilityRefusal.None), "at the last moment");
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.That(verifier.Check(token.AsSpan(), Write), Is.EqualTo(CapabilityRefusal.Expired));
        Assert.That(behind.Check(token.AsSpan(), Write), Is.EqualTo(CapabilityRefusal.TooFarAhead), "a clock an hour behind");
    }

    [Test]
    public void A_key_that_was_rotated_out_signs_no_more_and_one_that_lives_beside_it_does()
    {
        byte[] first = Bytes(1), second = Bytes(2);
        ClusterSecret before = Secret("1", first);
        ClusterSecret prepared = ClusterSecret.Parse($"{before.Format()}2:{Convert.ToHexString(second)}", "the test");
        ClusterSecret switched = ClusterSecret.Parse($"2:{Convert.ToHexString(second)} 1:{Convert.ToHexString(first)}", "the test");
        ClusterSecret after = Secret("2", second);
        ImmutableArray<byte> old = Sign(before), stillOld = Sign(prepared), @new = Sign(switched);

        Assert.That(Check(prepared, old), Is.EqualTo(CapabilityRefusal.None), "datanodes first learn the new key");
        Assert.That(Check(prepared, @new), Is.EqualTo(CapabilityRefusal.None), "then signers use it");
        Assert.That(Check(switched, stillOld), Is.EqualTo(CapabilityRefusal.None));
        Assert.That(Check(after, old), Is.EqualTo(CapabilityRefusal.UnknownKey), "at last the old one is taken away");
        Assert.That(Check(after, @new), Is.EqualTo(CapabilityRefusal.None));
        Assert.That(Check(Secret("1", second), old), Is.EqualTo(CapabilityRefusal.Forged), "another key of the same number");

        ImmutableArray<byte> Sign(ClusterSecret secret) =>
            new CapabilitySigner(secret, Options, _time).SignWrite(Volume, Epoch, Members, Key, Length);
        CapabilityRefusal Check(ClusterSecret secret, ImmutableArray<byte> token) =>
            Verifier(Here, secret).Check(token.AsSpan(), Write);
    }

    [Test]
    public void A_nodes_own_keys_are_enough_to_check_and_sign_for_no_other_node()
    {
        NodeKeys keys = Secret().KeysOf(Here);
        byte[] own = keys.Find(1).ToArray();
        var claims = new CapabilityClaims
        {
            Operation = CapabilityOperation.WriteChunk,
            Volume = Volume,
            Epoch = Epoch,
            Key = Key,
            Members = Members,
            MaxLength = Length,
            Expiry = _time.GetUtcNow() + TimeSpan.FromMinutes(1),
        };

        ImmutableArray<byte> forged = Capability.Sign(claims, 1, _ => own);

        Assert.That(Verifier(There).Check(forged.AsSpan(), Write), Is.EqualTo(CapabilityRefusal.Forged));
        Assert.That(
            new CapabilityVerifier(new NodeKeys(Here, [(1, own)]), Options, _time).Check(SignWrite().AsSpan(), Write),
            Is.EqualTo(CapabilityRefusal.None));
    }

    [TestCase("")]
    [TestCase("# nothing")]
    [TestCase("1:00")]
    [TestCase("0:0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("-1:0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("x:0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("1:000000000000000000000000000000000000000000000000000000000000000g")]
    [TestCase("1:0000000000000000000000000000000000000000000000000000000000000000,"
        + "1:0000000000000000000000000000000000000000000000000000000000000001")]
    [TestCase("1:0000000000000000000000000000000000000000000000000000000000000000\n"
        + "2:0000000000000000000000000000000000000000000000000000000000000001\n"
        + "3:0000000000000000000000000000000000000000000000000000000000000002\n")]
    public void A_text_that_is_no_secret_is_refused_without_being_repeated(string text)
    {
        BigFsException? refusal = Assert.Throws<BigFsException>(() => ClusterSecret.Parse(text, "The file \"x\""));

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refusal.Message, Does.StartWith("The file \"x\"").And.Not.Contain("00"));
    }

    [Test]
    public void A_secret_reads_as_it_was_written_and_never_shows_itself()
    {
        ClusterSecret secret = ClusterSecret.Parse(
            $"# for people\n  7:{Convert.ToHexString(Bytes(7))}\r\n\t8:{Convert.ToHexString(Bytes(8))}\n", "the test");

        Assert.That(ClusterSecret.Parse(secret.Format(), "the test").Format(), Is.EqualTo(secret.Format()));
        Assert.That(secret.SigningKeyId, Is.EqualTo(7));
        Assert.That(secret.ToString(), Is.EqualTo("cluster secret with the keys 7, 8"));
    }

    private static byte[] Bytes(byte seed) => [.. Enumerable.Repeat(seed, ClusterSecret.KeyBytes)];

    private static ClusterSecret Secret() => ClusterSecret.Create(Bytes(42));

    private static ClusterSecret Secret(string id, byte[] key) =>
        ClusterSecret.Parse($"{id}:{Convert.ToHexString(key)}", "the test");

    private static NodeId NodeOf(int number) => new(new Guid(number, 0, 0, new byte[8]));

    private CapabilityVerifier Verifier(NodeId node, ClusterSecret? secret = null) =>
        new((secret ?? Secret()).KeysOf(node), Options, _time);

    private CapabilitySigner Signer() => new(Secret(), Options, _time);

    private ImmutableArray<byte> SignWrite() => Signer().SignWrite(Volume, Epoch, Members, Key, Length);
}
