using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BigFs.Core.Messaging;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>A bus in memory that also remembers what was published.</summary>
internal sealed class FakeBus : IClusterBus
{
    private readonly Lock _lock = new();
    private readonly List<(ClusterTopic Topic, Channel<ClusterEvent> Channel)> _subscribers = [];
    private readonly List<ClusterEvent> _published = [];

    public ClusterEvent[] Published
    {
        get
        {
            lock (_lock)
            {
                return [.. _published];
            }
        }
    }

    public ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _published.Add(message);
            foreach ((ClusterTopic topic, Channel<ClusterEvent> channel) in _subscribers)
            {
                if (topic == message.Topic)
                {
                    channel.Writer.TryWrite(message);
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = Channel.CreateUnbounded<ClusterEvent>();
        lock (_lock)
        {
            _subscribers.Add((topic, channel));
        }

        await foreach (ClusterEvent message in channel.Reader.ReadAllAsync(cancellationToken))
        {
            yield return message;
        }
    }
}
