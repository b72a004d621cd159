using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Messaging;
using BigFs.Hosting.Messaging;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// Reads the topics that somebody in this process subscribes to, on a thread of its own: every partition, from its end, in no
/// group. Partitions that appear later, as those of a topic that was deleted and made anew, are read from their beginning.
/// Thread-safe.
/// </summary>
internal sealed class KafkaReader : IAsyncDisposable
{
    private const int MostMilliseconds = 250;

    private static readonly TimeSpan LookPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MissingPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(500);

    private readonly KafkaClientSettings _settings;
    private readonly IAdminClient _admin;
    private readonly string _servers;
    private readonly string _prefix;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly EventFanOut _subscribers;
    private readonly Lock _lock = new();
    private readonly Dictionary<ClusterTopic, int> _subscriptions = [];
    private readonly ManualResetEventSlim _wake = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _renewed = [];
    private volatile bool _isOutdated;
    private Thread? _thread;

    /// <summary>Makes a reader; its thread starts with the first subscription.</summary>
    public KafkaReader(
        KafkaClientSettings settings, IAdminClient admin, BigFsKafkaOptions options, TimeProvider time, ILogger logger)
    {
        (_settings, _admin, _servers, _prefix, _time, _logger) = (settings, admin, options.Servers, options.TopicPrefix, time, logger);
        _subscribers = new EventFanOut(logger);
        SetAside = new SetAsideMessages(time, logger);
    }

    /// <summary>What came and is not known here.</summary>
    public SetAsideMessages SetAside { get; }

    /// <summary>The events of a topic from now on; ends by the token, or quietly with this reader.</summary>
    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        await using IAsyncEnumerator<ClusterEvent> events =
            _subscribers.SubscribeAsync(topic, end.Token).GetAsyncEnumerator(CancellationToken.None);
        ValueTask<bool> next = events.MoveNextAsync();
        Count(topic, 1);
        try
        {
            while (await GoesOnAsync(next, end.Token, cancellationToken).ConfigureAwait(false))
            {
                yield return events.Current;
                next = events.MoveNextAsync();
            }
        }
        finally
        {
            Count(topic, -1);
        }
    }

    /// <summary>Begins anew: these topics from their beginning, since they are not those that were read, the others from their end.</summary>
    public void Renew(IEnumerable<string> topics)
    {
        lock (_lock)
        {
            _renewed.UnionWith(topics);
        }

        _isOutdated = true;
    }

    /// <summary>Ends the thread and every subscription.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Thread? thread;
        lock (_lock)
        {
            thread = _thread;
        }

        _wake.Set();
        if (thread is not null)
        {
            await _ended.Task;
        }

        _wake.Dispose();
    }

    /// <summary>Whether there is another event; false when the reader has ended.</summary>
    private static async ValueTask<bool> GoesOnAsync(ValueTask<bool> next, CancellationToken end, CancellationToken own)
    {
        try
        {
            return await next.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && !own.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Count(ClusterTopic topic, int change)
    {
        lock (_lock)
        {
            _subscriptions[topic] = _subscriptions.GetValueOrDefault(topic) + change;
            if (_thread is null && !_stop.IsCancellationRequested)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "bigfs-kafka-reader" };
                _thread.Start();
            }
        }

        if (!_stop.IsCancellationRequested)
        {
            _wake.Set();
        }
    }

    private ImmutableArray<ClusterTopic> Wanted()
    {
        lock (_lock)
        {
            return [.. _subscriptions.Where(pair => pair.Value > 0).Select(pair => pair.Key)];
        }
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Read();
                continue;
            }
            catch (KafkaException fault)
            {
                KafkaLog.ReaderRestarts(_logger, _servers, fault.Error.Reason);
            }
            catch (Exception fault)
            {
                // The last door of the thread: events go on, whatever one of them did.
                KafkaLog.ReaderFailed(_logger, _servers, fault);
            }

            _stop.Token.WaitHandle.WaitOne(RestartPause);
        }

        _ended.SetResult();
    }

    /// <summary>One consumer's life.</summary>
    private void Read()
    {
        _isOutdated = false;
        HashSet<string> renewed;
        lock (_lock)
        {
            renewed = [.. _renewed];
            _renewed.Clear();
        }

        using IConsumer<Ignore, byte[]> consumer = new ConsumerBuilder<Ignore, byte[]>(_settings.Consumer)
            .SetLogHandler((_, message) => KafkaLog.Client(_logger, message.Message))
            .SetErrorHandler((_, error) => KafkaLog.Client(_logger, error.Reason))
            .Build();
        var assignment = new KafkaAssignment(consumer, _admin, _prefix, renewed);
        long looked = 0;
        bool isComplete = false;
        while (!_stop.IsCancellationRequested && !_isOutdated)
        {
            TimeSpan period = isComplete ? LookPeriod : MissingPeriod;
            if (looked == 0 || _wake.IsSet || _time.GetElapsedTime(looked) >= period)
            {
                _wake.Reset();
                isComplete = assignment.Adjust(Wanted());
                looked = _time.GetTimestamp();
            }

            if (assignment.IsEmpty)
            {
                _wake.Wait(MissingPeriod);
                continue;
            }

            try
            {
                if (consumer.Consume(MostMilliseconds) is { Message: not null } record)
                {
                    Take(record);
                }
            }
            catch (ConsumeException fault) when (!fault.Error.IsFatal)
            {
                // A partition's trouble: it goes on by itself, or the next look finds the topic gone.
                KafkaLog.Client(_logger, fault.Error.Reason);
            }
        }
    }

    private void Take(ConsumeResult<Ignore, byte[]> record)
    {
        ClusterTopic topic = KafkaTopic.All.First(one => one.Name(_prefix) == record.Topic).Topic;
        byte[] value = record.Message.Value ?? [];
        ClusterEvent? message = BusMapping.Decode(value, out SetAsideReason reason);
        if (message?.Topic == topic)
        {
            _subscribers.Deliver(message);
        }
        else
        {
            // An event in another's topic is as wrong as none.
            SetAside.Add(topic, record.TopicPartitionOffset.ToString(), message is null ? reason : SetAsideReason.Poison, value);
        }
    }
}
