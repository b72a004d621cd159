using BigFs.Core.Messaging;
using BigFs.Hosting.Kafka;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>A broker beside the bus under test: its topics and what is in them. Every test has names of its own.</summary>
internal sealed class KafkaTopics : IDisposable
{
    private readonly IAdminClient _admin;
    private readonly IProducer<Null, byte[]> _producer;

    public KafkaTopics(string servers)
    {
        Servers = servers;
        _admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = servers }).SetLogHandler((_, _) => { }).Build();
        _producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = servers, LingerMs = 0 }).SetLogHandler((_, _) => { }).Build();
    }

    public string Servers { get; }

    public string Prefix { get; } = $"test-{Guid.NewGuid():N}.";

    public string[] Names => [.. KafkaTopic.All.Select(topic => topic.Name(Prefix))];

    public KafkaClusterBus Connect(ILoggerFactory log)
    {
        var options = new BigFsKafkaOptions { Servers = Servers, TopicPrefix = Prefix };

        // The imitation answers a fetch only when this is over.
        options.Properties["fetch.wait.max.ms"] = "50";
        return new KafkaClusterBus(options, TimeProvider.System, new Logger<KafkaClusterBus>(log));
    }

    public async Task<List<TopicDescription>> DescribeAsync() =>
        (await _admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(Names))).TopicDescriptions;

    public async Task<Dictionary<string, ConfigEntryResult>> SettingsOfAsync(string topic) =>
        (await _admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Topic, Name = topic }]))[0].Entries;

    public Task DeleteAsync() => _admin.DeleteTopicsAsync(Names);

    /// <summary>Puts bytes into a topic; makes the topic on brokers that make topics by the way.</summary>
    public Task SendAsync(ClusterTopic topic, byte[] bytes) =>
        _producer.ProduceAsync(Prefix + topic.Name(), new Message<Null, byte[]> { Value = bytes });

    public void Dispose()
    {
        _producer.Dispose();
        _admin.Dispose();
    }
}
