using BigFs.Core.Messaging;
using BigFs.Core.Model;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// The event plane by Kafka. Waits for no broker, ever: while it is away events are lost, and what was away resumes by itself.
/// Thread-safe.
/// </summary>
internal sealed class KafkaClusterBus : IDisposableClusterBus
{
    private readonly IAdminClient _admin;
    private readonly KafkaPublisher _publisher;
    private readonly KafkaTopicKeeper _keeper;
    private readonly KafkaReader _reader;
    private bool _disposed;

    /// <summary>Makes a bus; connects in the background.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    /// <exception cref="BigFsException">InvalidSettings: the client library refuses them.</exception>
    public KafkaClusterBus(BigFsKafkaOptions options, TimeProvider time, ILogger<KafkaClusterBus> logger)
    {
        var settings = new KafkaClientSettings(options);
        try
        {
            // A consumer is made only to hear of wrong settings now: the library checks them when one is made.
            new ConsumerBuilder<Ignore, byte[]>(settings.Consumer).SetLogHandler((_, _) => { }).Build().Dispose();
            _publisher = new KafkaPublisher(settings, options, logger);
            _admin = new AdminClientBuilder(settings.Admin)
                .SetLogHandler((_, message) => KafkaLog.Client(logger, message.Message))
                .SetErrorHandler((_, error) => KafkaLog.Client(logger, error.Reason))
                .Build();
        }
        catch (Exception refused) when (refused is InvalidOperationException or KafkaException or ArgumentException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The settings below Kafka are refused by its client library: {refused.Message}", refused);
        }

        _reader = new KafkaReader(settings, _admin, options, time, logger);
        _keeper = new KafkaTopicKeeper(_admin, options, Renew, time, logger);
    }

    /// <summary>What came and is not known here.</summary>
    public SetAsideMessages SetAside => _reader.SetAside;

    /// <inheritdoc/>
    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        _publisher.Publish(message);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ClusterEvent> SubscribeAsync(ClusterTopic topic, CancellationToken cancellationToken) =>
        _reader.SubscribeAsync(topic, cancellationToken);

    /// <summary>Ends subscriptions and sends what is queued, within a second or two whether a broker is there or not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
        {
            // Beside each other: each waits for threads of the library that wake now and then.
            await Task.WhenAll(_keeper.DisposeAsync().AsTask(), _reader.DisposeAsync().AsTask(), _publisher.DisposeAsync().AsTask())
                .ConfigureAwait(false);
            await Task.Run(_admin.Dispose).ConfigureAwait(false);
        }
    }

    private void Renew(IReadOnlyCollection<string> topics)
    {
        _publisher.Renew();
        _reader.Renew(topics);
    }
}
