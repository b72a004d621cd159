using System.Collections.Immutable;
using BigFs.Core.Messaging;
using Confluent.Kafka;

namespace BigFs.Hosting.Kafka;

/// <summary>Which partitions a consumer reads; one thread's own.</summary>
/// <param name="consumer">The consumer.</param>
/// <param name="admin">Is asked for partitions.</param>
/// <param name="prefix">Stands before the names of topics.</param>
/// <param name="renewed">Topics that were made anew: whatever is in them is new.</param>
internal sealed class KafkaAssignment(
    IConsumer<Ignore, byte[]> consumer, IAdminClient admin, string prefix, IEnumerable<string> renewed)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, HashSet<int>> _partitions = [];

    /// <summary>Topics to read from their beginning: made anew, or missing when they were looked for.</summary>
    private readonly HashSet<string> _missing = [.. renewed];

    /// <summary>Whether nothing is read.</summary>
    public bool IsEmpty => _partitions.Count == 0;

    /// <summary>Asks for the partitions of the topics and reads just these.</summary>
    /// <returns>Whether all topics are there and read.</returns>
    public bool Adjust(ImmutableArray<ClusterTopic> wanted)
    {
        string[] names = [.. wanted.Select(topic => prefix + topic.Name())];
        foreach (string unwanted in _partitions.Keys.Except(names).ToArray())
        {
            Forget(unwanted);
        }

        bool isComplete = true;
        foreach (string name in names)
        {
            int? partitions = PartitionsOf(name);
            if (partitions > 0)
            {
                Read(name, partitions.Value);
            }
            else if (partitions == 0)
            {
                Forget(name);
                _missing.Add(name);
            }

            isComplete &= partitions > 0;
        }

        return isComplete;
    }

    private void Read(string name, int count)
    {
        Offset start = _missing.Remove(name) || _partitions.ContainsKey(name) ? Offset.Beginning : Offset.End;
        if (!_partitions.TryGetValue(name, out HashSet<int>? read))
        {
            _partitions[name] = read = [];
        }

        TopicPartitionOffset[] added =
        [
            .. Enumerable.Range(0, count).Where(read.Add).Select(partition => new TopicPartitionOffset(name, partition, start)),
        ];
        if (added.Length > 0)
        {
            consumer.IncrementalAssign(added);
        }
    }

    private void Forget(string name)
    {
        if (_partitions.Remove(name, out HashSet<int>? read))
        {
            consumer.IncrementalUnassign(read.Select(partition => new TopicPartition(name, partition)));
        }
    }

    /// <summary>How many there are; 0 when the topic is missing, null when nobody answered.</summary>
    private int? PartitionsOf(string name)
    {
        try
        {
            TopicMetadata? topic = admin.GetMetadata(name, Patience).Topics.SingleOrDefault(one => one.Topic == name);
            return topic is null || topic.Error.Code == ErrorCode.UnknownTopicOrPart ? 0
                : topic.Error.IsError ? null
                : topic.Partitions.Count;
        }
        catch (KafkaException)
        {
            return null;
        }
    }
}
