using System.Diagnostics;
using System.Text;
using BigFs.Hosting.Tests.Messaging;
using Confluent.Kafka;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>A cluster of processes whose events travel by Kafka, whatever becomes of Kafka: files do not notice.</summary>
[Category("Scenario")]
[NonParallelizable]
internal sealed class KafkaScenario
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(5);
    private static readonly string[] Topics =
        ["datanode_heartbeats", "datanode_cluster_updates", "server_heartbeats", "metadata_invalidation_events"];

    private readonly string _prefix = $"scenario-{Guid.NewGuid():N}.";

    [Test]
    public async Task Kafka_is_paused_killed_emptied_and_shuffled_and_no_operation_fails_and_nobody_is_called_dead()
    {
        ScenarioLevel.Require();
        var broker = TestBroker.RequireProcess();
        string servers = TestBroker.RequireAddress();
        string[] topics = [.. Topics.Select(topic => _prefix + topic)];
        await using ProcessScenario cluster = await ProcessScenario.StartAsync(
            3, "--bus", "kafka", "--kafka", servers, "--kafka-prefix", _prefix);
        await using var load = new SteadyLoad(cluster.Endpoint, Patience);
        using IAdminClient admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = servers }).SetLogHandler((_, _) => { }).Build();

        await HeardAsync("the start");

        await using (var repeater = new KafkaRepeater(servers, topics, ScenarioLevel.Seed))
        {
            await LastAsync(ScenarioLevel.Of(2, 30));
            Assert.That(repeater.Repeated, Is.GreaterThan(0));
            ScenarioLevel.Figure($"events doubled and shuffled {repeater.Repeated}");
        }

        broker.Pause();
        await LastAsync(ScenarioLevel.Of(6, 60));
        broker.Resume();
        await HeardAsync("a pause");

        await broker.KillAsync();
        await LastAsync(ScenarioLevel.Of(1, 10));
        await broker.StartAsync();
        await HeardAsync("a kill and restart");

        await admin.DeleteTopicsAsync(topics);
        await HeardAsync("the deletion of all topics");

        int operations = load.Succeeded;
        await load.FinishAsync();
        ScenarioLevel.Figure(
            $"Kafka away and back: {operations} operations, {load.Failures.Count} failed, longest {load.TakeLongest():0.0} s, {load.Log.Acknowledged} uploads acknowledged and found");
        Assert.That(load.Failures, Is.Empty);
        Assert.That(operations, Is.GreaterThan(50));
        Assert.That(cluster.Events.Where(IsVerdict), Is.Empty, "a datanode was called suspect or dead");
        await admin.DeleteTopicsAsync(topics);

        // The load goes on meanwhile, and must get on.
        async Task LastAsync(int seconds)
        {
            int before = load.Succeeded;
            await Task.Delay(TimeSpan.FromSeconds(seconds));
            Assert.That(load.Succeeded, Is.GreaterThan(before), "the load stands still");
        }

        async Task HeardAsync(string what)
        {
            var waited = Stopwatch.StartNew();
            TimeSpan taken = await FreshHeartbeatsAsync(servers, cluster);
            ScenarioLevel.Figure($"heartbeats of all datanodes and the file server {taken.TotalSeconds:0.0} s after {what}");
            Assert.That(taken, Is.LessThan(Recovery), $"heartbeats after {what}");
            if (Count(cluster, " 3017 ") > Count(cluster, " 3018 "))
            {
                await Eventually.TrueAsync(
                    () => Count(cluster, " 3017 ") == Count(cluster, " 3018 "), $"the node manager hears of all after {what}", Recovery);
                ScenarioLevel.Figure($"the node manager hears of all, at most {waited.Elapsed.TotalSeconds:0.0} s after {what}");
            }
        }
    }

    /// <summary>Events 3003 (suspect) and 3019 (dead) of the node manager.</summary>
    private static bool IsVerdict(string line) =>
        line.Contains(" 3003 ", StringComparison.Ordinal) || line.Contains(" 3019 ", StringComparison.Ordinal);

    private static int Count(ProcessScenario cluster, string @event) =>
        cluster.Events.Count(line => line.Contains(@event, StringComparison.Ordinal));

    /// <summary>
    /// Waits for heartbeats that came to the broker from now on, of every datanode and of a file server. When they came is read
    /// from the records (by the broker's clock): how soon this reader gets them does not count.
    /// </summary>
    /// <returns>How long after the call the last of them had come.</returns>
    private async Task<TimeSpan> FreshHeartbeatsAsync(string servers, ProcessScenario cluster)
    {
        DateTime begun = DateTime.UtcNow;
        DateTime last = begun;
        HashSet<string> missing = [.. cluster.DataNodes.Select(node => node.Id), .. FileServers(cluster)];
        var waited = Stopwatch.StartNew();
        while (missing.Count > 0)
        {
            // A reader of its own begins anew: its view is none that must recover. What it has missed it reads from the beginning.
            using IConsumer<byte[]?, byte[]> consumer = new ConsumerBuilder<byte[]?, byte[]>(
                new ConsumerConfig { BootstrapServers = servers, GroupId = "watcher", EnableAutoCommit = false }).SetLogHandler((_, _) => { }).Build();
            using IAdminClient admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            var look = Stopwatch.StartNew();
            try
            {
                consumer.Assign(new[] { Topics[0], Topics[2] }.SelectMany(
                    topic => admin.GetMetadata(_prefix + topic, TimeSpan.FromSeconds(5)).Topics.Single().Partitions
                        .Select(partition => new TopicPartitionOffset(_prefix + topic, partition.PartitionId, Offset.Beginning))));
                while (missing.Count > 0 && look.Elapsed < LookLimit)
                {
                    if (consumer.Consume(100) is { Message.Key: { } key } record
                        && record.Message.Timestamp.UtcDateTime >= begun
                        && missing.Remove(Encoding.UTF8.GetString(key)))
                    {
                        last = record.Message.Timestamp.UtcDateTime;
                    }
                }
            }
            catch (KafkaException)
            {
                // The broker, or a topic, is not yet there for new callers.
            }

            Assert.That(missing.Count == 0 || waited.Elapsed < Patience, $"no heartbeats of {string.Join(", ", missing)}");
            await Task.Yield();
        }

        return last - begun;
    }

    private static IEnumerable<string> FileServers(ProcessScenario cluster) =>
        cluster.Roles.Where(role => role.Role == "file-server").Select(role => role.Id);
}
