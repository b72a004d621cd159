using BigFs.Core.Security;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Security;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class RoleTokenTests
{
    private const byte Caller = 4;
    private const byte Callee = 2;
    private const string Method = "/bigfs.v1.MetadataServer/Find";
    private const string Ones = "1:0101010101010101010101010101010101010101010101010101010101010101";
    private const string Twos = "2:0202020202020202020202020202020202020202020202020202020202020202";

    private static readonly byte[] Node = new Guid("11111111111111111111111111111111").ToByteArray(bigEndian: true);

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    [Test]
    public void A_token_admits_the_call_that_it_was_made_for_and_only_once()
    {
        RoleTokenVerifier verifier = Verifier(Ones);
        byte[] token = Signer(Ones).Sign(Caller, Callee, Method, Node);

        Assert.That(Check(verifier, token), Is.EqualTo(RoleTokenRefusal.None));
        Assert.That(Check(verifier, token), Is.EqualTo(RoleTokenRefusal.Replayed));
    }

    [Test]
    public void Another_call_node_or_role_is_not_admitted()
    {
        RoleTokenVerifier verifier = Verifier(Ones);
        byte[] token = Signer(Ones).Sign(Caller, Callee, Method, Node);

        Assert.Multiple(() =>
        {
            Assert.That(Check(verifier, token, method: Method + "s"), Is.EqualTo(RoleTokenRefusal.Forged));
            Assert.That(Check(verifier, token, node: new byte[16]), Is.EqualTo(RoleTokenRefusal.Forged));
            Assert.That(Check(verifier, token, node: []), Is.EqualTo(RoleTokenRefusal.Forged));
            Assert.That(Check(verifier, token, node: [1, 2, 3]), Is.EqualTo(RoleTokenRefusal.Malformed));
            Assert.That(Check(verifier, token, callee: 3), Is.EqualTo(RoleTokenRefusal.Forged));
            Assert.That(Check(verifier, token, allowed: 5), Is.EqualTo(RoleTokenRefusal.OtherRole));
            Assert.That(Check(verifier, []), Is.EqualTo(RoleTokenRefusal.Absent));
            Assert.That(Check(verifier, token), Is.EqualTo(RoleTokenRefusal.None));
        });
    }

    [Test]
    public void Any_bit_flipped_or_byte_more_or_less_is_noticed()
    {
        RoleTokenVerifier verifier = Verifier(Ones);
        byte[] token = Signer(Ones).Sign(Caller, Callee, Method, Node);
        for (int bit = 0; bit < token.Length * 8; bit++)
        {
            byte[] changed = [.. token];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(Check(verifier, changed), Is.Not.EqualTo(RoleTokenRefusal.None), $"bit {bit}");
        }

        Assert.That(Check(verifier, token[..^1]), Is.EqualTo(RoleTokenRefusal.Malformed));
        Assert.That(Check(verifier, [.. token, 0]), Is.EqualTo(RoleTokenRefusal.Malformed));
        Gen.Byte.Array[0, 100].Sample(bytes => Check(verifier, bytes) != RoleTokenRefusal.None);
        Assert.That(Check(verifier, token), Is.EqualTo(RoleTokenRefusal.None));
    }

    [Test]
    public void It_ends_with_its_time_and_clocks_may_differ_a_little()
    {
        var options = new RoleTokenOptions();
        RoleTokenVerifier verifier = Verifier(Ones);
        RoleTokenSigner signer = Signer(Ones);
        byte[] late = signer.Sign(Caller, Callee, Method, Node);
        byte[] tooLate = signer.Sign(Caller, Callee, Method, Node);
        _time.Advance(options.Lifetime + options.Skew);
        Assert.That(Check(verifier, late), Is.EqualTo(RoleTokenRefusal.None));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That(Check(verifier, tooLate), Is.EqualTo(RoleTokenRefusal.Expired));

        var slow = new FakeTimeProvider(_time.GetUtcNow() - options.Skew - TimeSpan.FromMilliseconds(1));
        var behind = new RoleTokenVerifier(ClusterSecret.Parse(Ones, "test"), options, slow);
        Assert.That(Check(behind, signer.Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.TooFarAhead));
        slow.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That(Check(behind, signer.Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
    }

    [Test]
    public void Two_keys_live_during_a_change_and_one_that_was_taken_away_does_not()
    {
        RoleTokenVerifier both = Verifier($"{Ones},{Twos}");

        Assert.That(Check(both, Signer(Ones).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
        Assert.That(Check(both, Signer(Twos, 8).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
        Assert.That(Check(Verifier(Twos), Signer(Ones).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.UnknownKey));
        Assert.That(
            Check(Verifier(Twos), Signer("2:" + Ones[2..]).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.Forged));
    }

    [Test]
    public void Tokens_in_whatever_order_are_admitted_once_each_within_the_window_and_older_ones_never()
    {
        RoleTokenVerifier verifier = Verifier(Ones);
        RoleTokenSigner signer = Signer(Ones);
        byte[] first = signer.Sign(Caller, Callee, Method, Node);
        byte[][] tokens = [.. Enumerable.Range(0, 2000).Select(_ => signer.Sign(Caller, Callee, Method, Node))];
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"SEED {seed}");
        byte[][] shuffled = [.. tokens];
        new Random(seed).Shuffle(shuffled);

        Assert.That(shuffled.Select(token => Check(verifier, token)), Is.All.EqualTo(RoleTokenRefusal.None));
        Assert.That(tokens.Select(token => Check(verifier, token)), Is.All.EqualTo(RoleTokenRefusal.Replayed));

        for (int i = 0; i < 1 << 16; i++)
        {
            _ = signer.Sign(Caller, Callee, Method, Node);
        }

        Assert.That(Check(verifier, signer.Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
        Assert.That(Check(verifier, first), Is.EqualTo(RoleTokenRefusal.Replayed), "never seen, but too old to be known");
    }

    [Test]
    public void More_senders_than_are_remembered_are_refused_until_the_tokens_of_others_have_expired()
    {
        RoleTokenVerifier verifier = Verifier(Ones);
        for (ulong sender = 0; sender < 4096; sender++)
        {
            Assert.That(Check(verifier, Signer(Ones, sender).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
        }

        Assert.That(Check(verifier, Signer(Ones, 5000).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.Replayed));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(Check(verifier, Signer(Ones, 5000).Sign(Caller, Callee, Method, Node)), Is.EqualTo(RoleTokenRefusal.None));
    }

    private static RoleTokenRefusal Check(
        RoleTokenVerifier verifier, byte[] token, string method = Method, byte[]? node = null, byte callee = Callee, byte allowed = Caller) =>
        verifier.Check(token, callee, method, node ?? Node, caller => caller == allowed);

    private RoleTokenSigner Signer(string secret, ulong sender = 7) => new(ClusterSecret.Parse(secret, "test"), sender, _time);

    private RoleTokenVerifier Verifier(string secret) => new(ClusterSecret.Parse(secret, "test"), new RoleTokenOptions(), _time);
}
