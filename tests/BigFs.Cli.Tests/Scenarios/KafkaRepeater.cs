using Confluent.Kafka;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Publishes whatever comes by a cluster's topics twice more, shuffled among the others. On a thread of its own.</summary>
internal sealed class KafkaRepeater : IAsyncDisposable
{
    private const string Mark = "again";
    private const int Batch = 12;

    private readonly IConsumer<byte[]?, byte[]> _consumer;
    private readonly IProducer<byte[]?, byte[]> _producer;
    private readonly Random _random;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isStopping;

    public KafkaRepeater(string servers, string[] topics, int seed)
    {
        _random = new Random(seed);
        _producer = new ProducerBuilder<byte[]?, byte[]>(new ProducerConfig { BootstrapServers = servers }).SetLogHandler((_, _) => { }).Build();
        _consumer = new ConsumerBuilder<byte[]?, byte[]>(new ConsumerConfig { BootstrapServers = servers, GroupId = "repeater", EnableAutoCommit = false })
            .SetLogHandler((_, _) => { }).Build();
        using IAdminClient admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        _consumer.Assign(topics.SelectMany(topic => admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics.Single().Partitions
            .Select(partition => new TopicPartitionOffset(topic, partition.PartitionId, Offset.End))));
        new Thread(Run) { IsBackground = true }.Start();
    }

    /// <summary>Events that it has published again.</summary>
    public int Repeated { get; private set; }

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        await _ended.Task;
        _consumer.Dispose();
        _producer.Dispose();
    }

    private void Run()
    {
        var held = new List<(string Topic, Message<byte[]?, byte[]> Message)>();
        while (!_isStopping)
        {
            if (_consumer.Consume(100) is { Message: not null } record && !record.Message.Headers.TryGetLastBytes(Mark, out _))
            {
                var again = new Message<byte[]?, byte[]>
                {
                    Key = record.Message.Key,
                    Value = record.Message.Value,
                    Headers = new Headers { { Mark, [] } },
                };
                held.AddRange([(record.Topic, again), (record.Topic, again)]);
            }

            if (held.Count >= Batch)
            {
                (string Topic, Message<byte[]?, byte[]> Message)[] shuffled = [.. held];
                _random.Shuffle(shuffled);
                foreach ((string topic, Message<byte[]?, byte[]> message) in shuffled)
                {
                    _producer.Produce(topic, message);
                }

                Repeated += held.Count;
                held.Clear();
            }
        }

        _ended.SetResult();
    }
}
