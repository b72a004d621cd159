using System.Net;
using BigFs.Hosting.Grpc;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>What may be listened on and registered, with keys and without.</summary>
internal sealed class ListeningTests
{
    [TestCase("127.0.0.1:80", true, true)]
    [TestCase("[::1]:80", true, true)]
    [TestCase("localhost:80", true, true)]
    [TestCase("192.0.2.7:80", false, true)]
    [TestCase("[2001:db8::7]:80", false, true)]
    [TestCase("another.host:80", false, true)]
    [TestCase("0.0.0.0:80", false, false)]
    [TestCase("[::]:80", false, false)]
    [TestCase("169.254.1.1:80", false, false)]
    [TestCase("[fe80::1]:80", false, false)]
    [TestCase("224.0.0.1:80", false, false)]
    [TestCase("[ff02::1]:80", false, false)]
    [TestCase("[::ffff:169.254.1.1]:80", false, false)]
    [TestCase("255.255.255.255:80", false, false)]
    [TestCase("192.0.2.7:0", false, false)]
    [TestCase("127.0.0.1:0", false, false)]
    [TestCase("192.0.2.7", false, false)]
    [TestCase("a b:80", false, false)]
    [TestCase("http://192.0.2.7:80", false, false)]
    [TestCase("192.0.2.7:99999", false, false)]
    [TestCase(":80", false, false)]
    [TestCase("", false, false)]
    public void A_role_registers_only_what_others_can_reach(string endpoint, bool withoutKeys, bool withKeys)
    {
        Assert.Multiple(() =>
        {
            Assert.That(EndpointRules.LoopbackOnly.Problem(endpoint, null) is null, Is.EqualTo(withoutKeys));
            Assert.That(EndpointRules.WithKeys.Problem(endpoint, null) is null, Is.EqualTo(withKeys));
        });
    }

    [Test]
    public void From_another_machine_nobody_registers_the_loopback_of_this_one()
    {
        Assert.That(EndpointRules.WithKeys.Problem("127.0.0.1:80", fromLoopback: false), Does.Contain("leads back"));
        Assert.That(EndpointRules.WithKeys.Problem("localhost:80", fromLoopback: false), Does.Contain("leads back"));
        Assert.That(EndpointRules.WithKeys.Problem("192.0.2.7:80", fromLoopback: false), Is.Null);
    }

    [Test]
    public void Listening_beyond_loopback_needs_keys_and_all_addresses_need_one_to_advertise()
    {
        Assert.That(Refusal(() => ListenAddress.Parse("192.0.2.7:80", false, null)), Does.Contain("without keys"));
        Assert.That(Refusal(() => ListenAddress.Parse("0.0.0.0:80", true, null)), Does.Contain("advertise"));
        Assert.That(Refusal(() => ListenAddress.Parse("some.host:80", true, null)), Does.Contain("number"));
        Assert.That(ListenAddress.Parse("192.0.2.7:80", true, null), Is.EqualTo(IPEndPoint.Parse("192.0.2.7:80")));
        Assert.That(ListenAddress.Parse("0.0.0.0:80", true, "192.0.2.7:80"), Is.EqualTo(IPEndPoint.Parse("0.0.0.0:80")));
        Assert.That(ListenAddress.Advertised("some.host:0", new Uri("http://127.0.0.1:4711")), Is.EqualTo("some.host:4711"));
        Assert.That(ListenAddress.Advertised("some.host:80", new Uri("http://127.0.0.1:4711")), Is.EqualTo("some.host:80"));
        Assert.That(ListenAddress.Advertised(null, new Uri("http://127.0.0.1:4711")), Is.EqualTo("127.0.0.1:4711"));
    }

    [TestCase("Listen", "without keys")]
    [TestCase("TransferListen", "without keys")]
    [TestCase("RequireKeys", "ClusterSecretFile")]
    [TestCase("ControlCertificateFile", "ControlKeyFile")]
    [TestCase("ControlRoleCertificates", "RequireKeys")]
    [TestCase("Advertise", "Advertise")]
    [TestCase("TransferAdvertise", "TransferAdvertise")]
    [TestCase("ControlLimits", "Connections")]
    public async Task Settings_that_do_not_go_together_are_refused_with_a_sentence_that_names_them(string setting, string named)
    {
        var options = new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.DataNode],
            DataDirectory = "/nowhere",
            ClusterSecret = KeyedCluster.Secret,
        };
        switch (setting)
        {
            case "Listen":
                options.Listen = "192.0.2.7:0";
                break;
            case "TransferListen":
                options.TransferListen = "192.0.2.7:0";
                break;
            case "RequireKeys":
                (options.Roles, options.ClusterSecret, options.RequireKeys) = ([BigFsRoleNames.NameServer], null, true);
                break;
            case "ControlCertificateFile":
                options.ControlCertificateFile = "/a.pem";
                break;
            case "ControlRoleCertificates":
                options.ControlRoleCertificates = true;
                break;
            case "Advertise":
                options.Advertise = "nonsense";
                break;
            case "TransferAdvertise":
                options.TransferAdvertise = "[1]:2";
                break;
            default:
                options.ControlLimits.Connections = 0;
                break;
        }

        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => BigFsRoleHost.StartAsync(options)))!;

        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refused.Message, Does.Contain(named));
    }

    private static string Refusal(Action call)
    {
        BigFsException refused = Assert.Throws<BigFsException>(call)!;
        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        return refused.Message;
    }
}
