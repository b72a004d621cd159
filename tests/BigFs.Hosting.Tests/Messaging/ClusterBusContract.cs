using BigFs.Core.Messaging;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>What every bus promises.</summary>
internal abstract class ClusterBusContract
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Test]
    public async Task Events_of_one_publisher_arrive_in_order_with_every_field()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, ClusterTopic.DataNodeHeartbeats);
        DataNodeHeartbeat[] sent = [.. Enumerable.Range(1, 100).Select(i => Heartbeat(i))];
        foreach (DataNodeHeartbeat heartbeat in sent)
        {
            await Bus.PublishAsync(heartbeat, default);
        }

        Assert.That(await subscriber.ReadAsync(sent.Length), Is.EqualTo(sent));
    }

    [Test]
    public async Task Each_subscriber_gets_the_events_of_its_topic_alone()
    {
        await using Subscriber first = await Subscriber.StartAsync(Bus, ClusterTopic.ClusterUpdates);
        await using Subscriber second = await Subscriber.StartAsync(Bus, ClusterTopic.ClusterUpdates);
        var changed = new ClusterMapChanged { Version = 42 };
        await Bus.PublishAsync(Heartbeat(1), default);
        await Bus.PublishAsync(changed, default);

        Assert.That(await first.ReadAsync(1), Is.EqualTo([changed]));
        Assert.That(await second.ReadAsync(1), Is.EqualTo([changed]));
    }

    [TestCaseSource(nameof(Samples))]
    public async Task Every_kind_of_event_arrives_with_every_field(ClusterEvent sent)
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, sent.Topic);
        await Bus.PublishAsync(sent, default);

        Assert.That(await subscriber.ReadAsync(1), Is.EqualTo([sent]));
    }

    [Test]
    public async Task A_subscription_ends_by_its_token()
    {
        using var cancel = new CancellationTokenSource();
        await using IAsyncEnumerator<ClusterEvent> events =
            Bus.SubscribeAsync(ClusterTopic.ClusterUpdates, cancel.Token).GetAsyncEnumerator();
        Task<bool> next = events.MoveNextAsync().AsTask();

        await cancel.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => next.WaitAsync(Limit));
    }

    [Test]
    public async Task A_subscriber_that_reads_nothing_holds_nobody_up()
    {
        using var cancel = new CancellationTokenSource();
        await using Subscriber reader = await Subscriber.StartAsync(Bus, ClusterTopic.DataNodeHeartbeats);
        IAsyncEnumerator<ClusterEvent> sleeper =
            Bus.SubscribeAsync(ClusterTopic.DataNodeHeartbeats, cancel.Token).GetAsyncEnumerator();
        Task<bool> first = sleeper.MoveNextAsync().AsTask();
        for (int i = 1; i <= 3000; i++)
        {
            await Bus.PublishAsync(Heartbeat(i), default).AsTask().WaitAsync(Limit);
            if (i % 100 == 0)
            {
                await reader.ReadAsync(100);
            }
        }

        await first.WaitAsync(Limit);
        await sleeper.DisposeAsync();
    }

    protected abstract IClusterBus Bus { get; }

    protected static DataNodeHeartbeat Heartbeat(long incarnation) => BusSamples.Heartbeat(incarnation);

    private static IEnumerable<ClusterEvent> Samples => BusSamples.All;

    /// <summary>A subscription that stands when it is handed out.</summary>
    protected sealed class Subscriber : IAsyncDisposable
    {
        private readonly CancellationTokenSource _cancel = new();
        private readonly IAsyncEnumerator<ClusterEvent> _events;
        private Task<bool> _next;

        private Subscriber(IClusterBus bus, ClusterTopic topic)
        {
            _events = bus.SubscribeAsync(topic, _cancel.Token).GetAsyncEnumerator();
            _next = _events.MoveNextAsync().AsTask();
        }

        public static async Task<Subscriber> StartAsync(IClusterBus bus, ClusterTopic topic)
        {
            var subscriber = new Subscriber(bus, topic);
            await subscriber.SynchronizeAsync(bus, topic);
            return subscriber;
        }

        public async Task<ClusterEvent[]> ReadAsync(int count)
        {
            var events = new ClusterEvent[count];
            for (int i = 0; i < count; i++)
            {
                events[i] = await NextAsync();
            }

            return events;
        }

        /// <summary>The next event that is no mark (another subscriber's).</summary>
        public async Task<ClusterEvent> NextAsync()
        {
            ClusterEvent message;
            do
            {
                message = await ReadAsync();
            }
            while (message is ClusterMapChanged { Version: < 0 } or DataNodeHeartbeat { Incarnation: < 0 } or FileServerHeartbeat { Incarnation: < 0 }
                || (message is MetadataInvalidated { Paths: [var path, ..] } && path.Name.StartsWith('-')));
            return message;
        }

        /// <summary>Publishes marks until the last one arrives: afterwards nothing older is on its way.</summary>
        public async Task SynchronizeAsync(IClusterBus bus, ClusterTopic topic)
        {
            long mark = 0;
            while (!_next.IsCompleted)
            {
                Assert.That(++mark, Is.LessThan(10_000), "the subscription does not come to stand");
                await bus.PublishAsync(Mark(topic, -mark), default);
                await Task.WhenAny(_next, Task.Delay(2));
            }

            await bus.PublishAsync(Mark(topic, long.MinValue), default);
            while (!(await ReadAsync()).Equals(Mark(topic, long.MinValue)))
            {
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _cancel.CancelAsync();
            await ((Task)_next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _events.DisposeAsync();
            _cancel.Dispose();
        }

        private async Task<ClusterEvent> ReadAsync()
        {
            Assert.That(await _next.WaitAsync(Limit));
            ClusterEvent message = _events.Current;
            _next = _events.MoveNextAsync().AsTask();
            return message;
        }

        private static ClusterEvent Mark(ClusterTopic topic, long number) => topic switch
        {
            ClusterTopic.ClusterUpdates => new ClusterMapChanged { Version = number },
            ClusterTopic.ServerHeartbeats => BusSamples.ServerHeartbeat(number),
            ClusterTopic.MetadataInvalidations => new MetadataInvalidated { Paths = [$"/{number}"] },
            _ => Heartbeat(number),
        };
    }
}
