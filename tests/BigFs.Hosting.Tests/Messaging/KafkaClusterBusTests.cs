using System.Globalization;
using BigFs.Core.Messaging;
using BigFs.Hosting.Kafka;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Google.Protobuf;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>The contract on a real broker, and what only a broker has.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class KafkaClusterBusTests : ClusterBusContract
{
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(5);

    private readonly RecordedLog _log = new();
    private KafkaTopics? _topics;
    private KafkaClusterBus? _bus;

    protected override IClusterBus Bus => _bus!;

    [OneTimeSetUp]
    public void Start()
    {
        _topics = new KafkaTopics(TestBroker.RequireAddress());
        _bus = _topics.Connect(_log);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_bus is not null)
        {
            await _bus.DisposeAsync();
            await _topics!.DeleteAsync();
            _topics.Dispose();
        }

        _log.Dispose();
    }

    [Test]
    public async Task Topics_are_made_with_the_stated_partitions_and_retention()
    {
        await WaitForTopicsAsync();
        List<TopicDescription> found = await _topics!.DescribeAsync();
        foreach (KafkaTopic stated in KafkaTopic.All)
        {
            string name = stated.Name(_topics.Prefix);
            Assert.That(found.Single(topic => topic.Name == name).Partitions, Has.Count.EqualTo(stated.Partitions), name);
            Assert.That(
                (await _topics.SettingsOfAsync(name))["retention.ms"].Value,
                Is.EqualTo(stated.Retention.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)),
                name);
        }
    }

    [Test]
    public async Task What_is_not_understood_is_set_aside_with_its_place_and_the_rest_arrives()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, ClusterTopic.ClusterUpdates);
        long before = _bus!.SetAside.Count;
        await _topics!.SendAsync(ClusterTopic.ClusterUpdates, [0xFF, 0xFF, 0xFF]);
        await _topics.SendAsync(ClusterTopic.ClusterUpdates, []);
        await _topics.SendAsync(ClusterTopic.ClusterUpdates, new Protocol.BusMessage { Version = 9 }.ToByteArray());
        await _topics.SendAsync(ClusterTopic.ClusterUpdates, Hosting.Messaging.BusMapping.Encode(Heartbeat(1)));
        await Bus.PublishAsync(new ClusterMapChanged { Version = 77 }, default);

        Assert.That(await subscriber.ReadAsync(1), Is.EqualTo([new ClusterMapChanged { Version = 77 }]));
        Assert.That(_bus.SetAside.Count, Is.EqualTo(before + 4));
        Assert.That(
            _bus.SetAside.Last.TakeLast(4).Select(message => message.Reason),
            Is.EqualTo([SetAsideReason.Poison, SetAsideReason.Poison, SetAsideReason.UnknownVersion, SetAsideReason.Poison]));
        Assert.That(_bus.SetAside.Last[^1].Source, Does.Contain(_topics.Prefix + "datanode_cluster_updates"));
    }

    [Test]
    public async Task Topics_that_are_deleted_are_made_anew_and_events_go_on_within_5_s()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, ClusterTopic.ServerHeartbeats);
        await WaitForTopicsAsync();

        await _topics!.DeleteAsync();

        await ArrivesAsync(subscriber, BusSamples.ServerHeartbeat(901));
        await WaitForTopicsAsync();
        List<TopicDescription> found = await _topics.DescribeAsync();
        Assert.That(found.Select(topic => topic.Partitions.Count), Is.EquivalentTo(KafkaTopic.All.Select(topic => topic.Partitions)));
    }

    [Test]
    public async Task A_broker_that_does_not_answer_for_a_while_delays_nobody_and_events_go_on_within_5_s_of_its_return()
    {
        var broker = TestBroker.RequireProcess();
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, ClusterTopic.ServerHeartbeats);
        broker.Pause();
        try
        {
            // Longer than a message lives, and more than any queue holds.
            long begun = TimeProvider.System.GetTimestamp();
            long longest = 0;
            for (int i = 0; TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(7); i++)
            {
                long before = TimeProvider.System.GetTimestamp();
                Assert.That(Bus.PublishAsync(BusSamples.ServerHeartbeat(i), default).IsCompletedSuccessfully);
                longest = Math.Max(longest, TimeProvider.System.GetTimestamp() - before);
                await Task.Delay(1);
            }

            TestContext.Out.WriteLine($"FIGURE longest publish while the broker is paused {TimeProvider.System.GetElapsedTime(0, longest).TotalMilliseconds:0.0} ms");
        }
        finally
        {
            broker.Resume();
        }

        await ArrivesAsync(subscriber, BusSamples.ServerHeartbeat(1_000_001));
    }

    [Test]
    public async Task A_broker_that_is_killed_and_started_again_is_found_within_5_s_of_its_return_and_so_are_topics_deleted_then()
    {
        var broker = TestBroker.RequireProcess();
        await using Subscriber subscriber = await Subscriber.StartAsync(Bus, ClusterTopic.ServerHeartbeats);
        await broker.KillAsync();
        Assert.That(Bus.PublishAsync(BusSamples.ServerHeartbeat(2), default).IsCompletedSuccessfully);
        await broker.StartAsync();

        await ArrivesAsync(subscriber, BusSamples.ServerHeartbeat(1_000_002));

        // Topics made anew begin with a lower leader epoch than the client library has seen by now.
        await _topics!.DeleteAsync();
        await ArrivesAsync(subscriber, BusSamples.ServerHeartbeat(1_000_003));
    }

    [Test]
    public async Task A_bus_ends_soon_although_its_broker_does_not_answer()
    {
        var broker = TestBroker.RequireProcess();
        KafkaClusterBus bus = _topics!.Connect(_log);
        await using (Subscriber subscriber = await Subscriber.StartAsync(bus, ClusterTopic.ServerHeartbeats))
        {
            broker.Pause();
            try
            {
                await bus.PublishAsync(BusSamples.ServerHeartbeat(3), default);
                long begun = TimeProvider.System.GetTimestamp();
                await bus.DisposeAsync();
                Assert.That(TimeProvider.System.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(5)));
            }
            finally
            {
                broker.Resume();
            }
        }
    }

    /// <summary>Publishes again and again until one arrives.</summary>
    private async Task ArrivesAsync(Subscriber subscriber, FileServerHeartbeat mark)
    {
        long begun = TimeProvider.System.GetTimestamp();
        using var arrived = new CancellationTokenSource();
        Task publishing = PublishAsync();
        while (!Equals(await subscriber.NextAsync(), mark))
        {
        }

        TimeSpan taken = TimeProvider.System.GetElapsedTime(begun);
        await arrived.CancelAsync();
        await publishing;
        TestContext.Out.WriteLine($"FIGURE events again after {taken.TotalSeconds:0.0} s: {TestContext.CurrentContext.Test.MethodName}");
        Assert.That(taken, Is.LessThan(RecoveryLimit));

        async Task PublishAsync()
        {
            while (!arrived.IsCancellationRequested)
            {
                await Bus.PublishAsync(mark, default);
                await Task.Delay(100, arrived.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WaitForTopicsAsync()
    {
        long begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await _topics!.DescribeAsync();
                return;
            }
            catch (DescribeTopicsException)
            {
                Assert.That(TimeProvider.System.GetElapsedTime(begun), Is.LessThan(RecoveryLimit), "the topics are not made");
                await Task.Delay(20);
            }
        }
    }
}
