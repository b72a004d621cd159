using BigFs.Core.Messaging;
using BigFs.Hosting.Kafka;
using Confluent.Kafka;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>The contract on the client library's own imitation of a broker, which needs nothing installed.</summary>
[TestFixture]
internal sealed class KafkaMockBusTests : ClusterBusContract
{
    private readonly RecordedLog _log = new();
    private IAdminClient _mock = null!;
    private KafkaTopics _topics = null!;
    private KafkaClusterBus _bus = null!;

    protected override IClusterBus Bus => _bus;

    [OneTimeSetUp]
    public async Task Start()
    {
        var settings = new AdminClientConfig();
        settings.Set("bootstrap.servers", "none");
        settings.Set("test.mock.num.brokers", "3");
        _mock = new AdminClientBuilder(settings).SetLogHandler((_, _) => { }).Build();
        _topics = new KafkaTopics(string.Join(
            ',', _mock.GetMetadata(Limit).Brokers.Select(broker => $"{broker.Host}:{broker.Port}")));
        foreach (ClusterTopic topic in Enum.GetValues<ClusterTopic>())
        {
            // The imitation cannot be asked to make topics; it makes them by the way.
            await _topics.SendAsync(topic, [0xFF]);
        }

        _bus = _topics.Connect(_log);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _bus.DisposeAsync();
        _topics.Dispose();
        _mock.Dispose();
        _log.Dispose();
    }
}
