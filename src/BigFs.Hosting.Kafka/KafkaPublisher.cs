using System.Text;
using System.Threading.Channels;
using BigFs.Core.Messaging;
using BigFs.Hosting.Messaging;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// Publishes events: they wait in a queue that loses its oldest when it is full, and a few are handed to the client library
/// at a time, which drops those that the broker has not taken within seconds. Thread-safe.
/// </summary>
internal sealed class KafkaPublisher : IAsyncDisposable
{
    private const int QueueCapacity = 1024;
    private const int MostHandedOver = 256;

    /// <summary>What is still to be said when the process ends may take this long.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(500);

    private readonly Channel<ClusterEvent> _queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly KafkaClientSettings _settings;
    private readonly string _servers;
    private readonly string _prefix;
    private readonly ILogger _logger;
    private readonly Task _pump;
    private volatile Session _session;
    private Task _retired = Task.CompletedTask;
    private bool _isLosing;

    /// <summary>Makes a publisher and starts its pump; connects in the background.</summary>
    public KafkaPublisher(KafkaClientSettings settings, BigFsKafkaOptions options, ILogger logger)
    {
        (_settings, _servers, _prefix, _logger) = (settings, options.Servers, options.TopicPrefix, logger);
        _session = Open();
        _queue = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(QueueCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            NoteLoss);
        _pump = PumpAsync();
    }

    /// <summary>Queues an event; never waits and never fails.</summary>
    public void Publish(ClusterEvent message)
    {
        ClusterBusMetrics.Published(message.Topic);
        _queue.Writer.TryWrite(message);
    }

    /// <summary>Goes on by another client of the library, which knows nothing of the topics of before.</summary>
    public void Renew() => _session.Outdated.Cancel();

    /// <summary>Gives what is queued a moment to be sent, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        _stop.CancelAfter(Farewell);
        await _pump.ConfigureAwait(false);
        await _retired.ConfigureAwait(false);
        await Task.Run(() => _session.Close(Farewell)).ConfigureAwait(false);
        _stop.Dispose();
    }

    private Session Open() => new(new ProducerBuilder<byte[]?, byte[]>(_settings.Producer)
        .SetLogHandler((_, message) => KafkaLog.Client(_logger, message.Message))
        .SetErrorHandler((_, error) => KafkaLog.Client(_logger, error.Reason))
        .Build());

    private async Task PumpAsync()
    {
        try
        {
            await foreach (ClusterEvent message in _queue.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                while (!await HasRoomAsync(_session).ConfigureAwait(false))
                {
                    await ReplaceAsync().ConfigureAwait(false);
                }

                if (_queue.Reader.Count == 0)
                {
                    // Caught up: the next loss is another one, and worth another word.
                    Volatile.Write(ref _isLosing, false);
                }

                HandOver(_session, message);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // What is left is lost.
        }
    }

    /// <summary>Waits until an event may be handed over; false when the session is outdated.</summary>
    private async Task<bool> HasRoomAsync(Session session)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(session.Outdated.Token, _stop.Token);
        try
        {
            await session.Room.WaitAsync(either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>At most one session before this one is still being closed.</summary>
    private async Task ReplaceAsync()
    {
        Session outdated = _session;
        await _retired.ConfigureAwait(false);
        _session = Open();
        _retired = Task.Run(() => outdated.Close(TimeSpan.Zero));
    }

    private void HandOver(Session session, ClusterEvent message)
    {
        var record = new Message<byte[]?, byte[]>
        {
            Key = message.Key.Length == 0 ? null : Encoding.UTF8.GetBytes(message.Key),
            Value = BusMapping.Encode(message),
        };
        try
        {
            session.Producer.Produce(_prefix + message.Topic.Name(), record, report =>
            {
                session.Room.Release();
                if (report.Error.IsError)
                {
                    NoteLoss(message);
                }
            });
        }
        catch (KafkaException refused)
        {
            KafkaLog.Client(_logger, refused.Error.Reason);
            session.Room.Release();
            NoteLoss(message);
        }
    }

    private void NoteLoss(ClusterEvent lost)
    {
        ClusterBusMetrics.Lost(lost.Topic);
        if (!Interlocked.Exchange(ref _isLosing, true))
        {
            KafkaLog.Loss(_logger, _servers);
        }
    }

    /// <summary>A client of the library and how many events it has not answered for yet.</summary>
    private sealed class Session(IProducer<byte[]?, byte[]> producer)
    {
        public IProducer<byte[]?, byte[]> Producer => producer;

        public SemaphoreSlim Room { get; } = new(MostHandedOver, MostHandedOver);

        /// <summary>Cancelled when another one is to take over; never disposed, for it has neither timer nor handle.</summary>
        public CancellationTokenSource Outdated { get; } = new();

        public void Close(TimeSpan patience)
        {
            producer.Flush(patience);
            producer.Dispose();
        }
    }
}
