using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BigFs.Core.Messaging;

namespace BigFs.Hosting.Messaging;

/// <summary>
/// Several buses as one, a relay at each name server: events go to all and come from all, so that one may be away. They
/// arrive doubled, which hints may. The buses stay their owner's. Thread-safe.
/// </summary>
internal sealed class JoinedClusterBus(params IReadOnlyList<IClusterBus> buses) : IClusterBus
{
    private const int QueueCapacity = 1024;

    /// <inheritdoc/>
    public async ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
    {
        foreach (IClusterBus bus in buses)
        {
            await bus.PublishAsync(message, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
        ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var queue = Channel.CreateBounded<ClusterEvent>(
            new BoundedChannelOptions(QueueCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        Task pumps = Task.WhenAll(buses.Select(bus => PumpAsync(bus, topic, queue.Writer, end.Token)));
        try
        {
            while (true)
            {
                yield return await queue.Reader.ReadAsync(cancellationToken);
            }
        }
        finally
        {
            await end.CancelAsync();
            await pumps;
        }
    }

    private static async Task PumpAsync(
        IClusterBus bus, ClusterTopic topic, ChannelWriter<ClusterEvent> writer, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (ClusterEvent message in bus.SubscribeAsync(topic, cancellationToken))
            {
                writer.TryWrite(message);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The subscription has ended.
        }
        catch (Exception failure)
        {
            // A bus ends by the token only; anything else is a fault, which the subscriber is to see.
            writer.TryComplete(failure);
        }
    }
}
