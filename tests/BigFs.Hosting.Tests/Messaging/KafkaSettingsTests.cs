using BigFs.Core.Model;
using BigFs.Hosting.Kafka;
using BigFs.Hosting.Tests.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>What the settings of Kafka become, and which are refused.</summary>
public sealed class KafkaSettingsTests
{
    private const string Secret = "s3cret-of-the-test";

    [Test]
    public async Task A_broker_that_is_away_from_the_start_holds_nobody_up_and_is_told_once()
    {
        using var log = new RecordedLog();
        var bus = new KafkaClusterBus(
            new BigFsKafkaOptions { Servers = "127.0.0.1:1" }, TimeProvider.System, new Microsoft.Extensions.Logging.Logger<KafkaClusterBus>(log));
        for (int i = 0; i < 5000; i++)
        {
            Assert.That(bus.PublishAsync(BusSamples.Heartbeat(i), default).IsCompletedSuccessfully);
        }

        Assert.That(log.Count("KafkaPublisherLoss"), Is.EqualTo(1));
        long begun = TimeProvider.System.GetTimestamp();
        await bus.DisposeAsync();
        Assert.That(TimeProvider.System.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(5)));
        Assert.That(log.Count("KafkaAway"), Is.EqualTo(1));
    }

    [Test]
    public void Security_settings_pass_through_to_the_client_library()
    {
        using var folder = new TemporaryDirectory();
        string password = Path.Combine(folder.Path, "password");
        File.WriteAllText(password, Secret + "\nmore\n");
        Restrict(password, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var options = new BigFsKafkaOptions
        {
            Servers = "a:9092, b:9092",
            SecurityProtocol = "sasl_ssl",
            SaslMechanism = "SCRAM-SHA-512",
            SaslUsername = "bigfs",
            SaslPasswordFile = password,
            AuthorityFile = password,
            CertificateFile = password,
            KeyFile = password,
        };
        options.Properties["ssl.endpoint.identification.algorithm"] = "none";
        options.Validate();

        var settings = new KafkaClientSettings(options);
        foreach (Confluent.Kafka.ClientConfig client in new Confluent.Kafka.ClientConfig[] { settings.Producer, settings.Consumer })
        {
            Assert.That(client.Get("security.protocol"), Is.EqualTo("sasl_ssl"));
            Assert.That(client.Get("sasl.mechanism"), Is.EqualTo("SCRAM-SHA-512"));
            Assert.That(client.Get("sasl.username"), Is.EqualTo("bigfs"));
            Assert.That(client.Get("sasl.password"), Is.EqualTo(Secret));
            Assert.That(client.Get("ssl.ca.location"), Is.EqualTo(password));
            Assert.That(client.Get("ssl.certificate.location"), Is.EqualTo(password));
            Assert.That(client.Get("ssl.key.location"), Is.EqualTo(password));
            Assert.That(client.Get("ssl.endpoint.identification.algorithm"), Is.EqualTo("none"));
        }
    }

    [Test]
    [Platform(Exclude = "Win")]
    public void A_password_file_that_others_may_read_is_refused()
    {
        using var folder = new TemporaryDirectory();
        string password = Path.Combine(folder.Path, "password");
        File.WriteAllText(password, Secret);
        Restrict(password, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Refused(options => (options.SecurityProtocol, options.SaslUsername, options.SaslPasswordFile) = ("sasl_plaintext", "a", password), "SaslPasswordFile");
    }

    [Test]
    public void Wrong_settings_are_refused_with_a_sentence_that_names_them_and_no_password()
    {
        Refused(options => options.Servers = "", "Kafka.Servers");
        Refused(options => options.Servers = "kafka", "Kafka.Servers");
        Refused(options => options.Servers = "kafka:9092,", "Kafka.Servers");
        Refused(options => options.TopicPrefix = "a/b", "Kafka.TopicPrefix");
        Refused(options => options.ReplicationFactor = 99, "Kafka.ReplicationFactor");
        Refused(options => options.SecurityProtocol = "tls", "Kafka.SecurityProtocol");
        Refused(options => options.SaslMechanism = "none", "Kafka.SaslMechanism");
        Refused(options => options.SaslPassword = Secret, "Kafka.SaslUsername");
        Refused(options => options.SaslUsername = "a", "Kafka.SaslPasswordFile");
        Refused(options => (options.SaslUsername, options.SaslPassword) = ("a", Secret), "Kafka.SaslUsername");
        Refused(options => options.SecurityProtocol = "sasl_ssl", "Kafka.SaslUsername");
        Refused(options => options.CertificateFile = "/nowhere", "Kafka.CertificateFile");
        Refused(options => options.AuthorityFile = "/nowhere", "Kafka.AuthorityFile");
        Refused(options => (options.SecurityProtocol, options.AuthorityFile) = ("ssl", "/nowhere"), "/nowhere");
        Refused(options => options.Properties["acks"] = "all", "Kafka.Properties[acks]");
        Refused(options => options.Properties["no.such.property"] = "1", "no.such.property");
    }

    [Test]
    public void A_bus_without_its_engine_or_of_an_unknown_kind_is_refused()
    {
        BigFsException? unknown = Assert.Throws<BigFsException>(
            () => new BigFsClusterOptions { Bus = "pigeon" }.Validate());
        BigFsException? without = Assert.Throws<BigFsException>(
            () => new BigFsRoleHostOptions { Roles = [BigFsRoleNames.NameServer], Bus = BigFsBusKinds.Kafka }.Validate());

        Assert.That((unknown!.Code, without!.Code), Is.EqualTo((BigFsErrorCode.InvalidSettings, BigFsErrorCode.InvalidSettings)));
        Assert.That(unknown.Message, Does.Contain("Bus is pigeon"));
        Assert.That(without.Message, Does.Contain("BusEngine").And.Contain("BigFs.Hosting.Kafka"));
    }

    private static void Restrict(string file, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, mode);
        }
    }

    private static void Refused(Action<BigFsKafkaOptions> change, string named)
    {
        var options = new BigFsKafkaOptions { Servers = "127.0.0.1:9092" };
        change(options);
        BigFsException? refused = Assert.Throws<BigFsException>(() =>
        {
            options.Validate();
            _ = new KafkaClusterBus(options, TimeProvider.System, NullLogger<KafkaClusterBus>.Instance);
        });
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refused.Message, Does.Contain(named).And.Not.Contain(Secret));
    }
}
