using BigFs.Core.Messaging;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

[TestFixture]
internal sealed class InProcessClusterBusTests : ClusterBusContract
{
    private readonly InProcessClusterBus _bus = new();

    protected override IClusterBus Bus => _bus;

    [Test]
    public async Task A_full_queue_loses_the_oldest_events_and_counts_them()
    {
        var bus = new InProcessClusterBus(capacity: 4);
        await using IAsyncEnumerator<ClusterEvent> events =
            bus.SubscribeAsync(ClusterTopic.ClusterUpdates, default).GetAsyncEnumerator();
        ValueTask<bool> first = events.MoveNextAsync();
        await bus.PublishAsync(new ClusterMapChanged { Version = 0 }, default);
        await first;
        for (int i = 1; i <= 10; i++)
        {
            await bus.PublishAsync(new ClusterMapChanged { Version = i }, default);
        }

        var left = new List<long>();
        while (left.Count < 4 && await events.MoveNextAsync())
        {
            left.Add(((ClusterMapChanged)events.Current).Version);
        }

        Assert.That(left, Is.EqualTo([7, 8, 9, 10]));
        Assert.That(bus.Dropped, Is.EqualTo(6));
    }
}
