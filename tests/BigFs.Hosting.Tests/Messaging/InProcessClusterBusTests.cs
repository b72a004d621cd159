using BigFs.Core.Messaging;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

[TestFixture]
internal sealed class InProcessClusterBusTests : ClusterBusContract
{
    private readonly InProcessClusterBus _bus = new(NullLogger.Instance);

    protected override IClusterBus Bus => _bus;

    [Test]
    public async Task A_full_queue_loses_the_oldest_events_and_says_so_once_until_it_was_read_empty()
    {
        using var log = new RecordedLog();
        var bus = new InProcessClusterBus(log, capacity: 4);
        await using IAsyncEnumerator<ClusterEvent> events =
            bus.SubscribeAsync(ClusterTopic.ClusterUpdates, default).GetAsyncEnumerator();
        ValueTask<bool> first = events.MoveNextAsync();
        await bus.PublishAsync(new ClusterMapChanged { Version = 0 }, default);
        await first;

        Assert.That(await OverflowAsync(), Is.EqualTo([7, 8, 9, 10]));
        Assert.That(log.Count("ClusterBusLoss"), Is.EqualTo(1));
        Assert.That(await OverflowAsync(), Is.EqualTo([7, 8, 9, 10]));
        Assert.That(log.Count("ClusterBusLoss"), Is.EqualTo(2));

        async Task<List<long>> OverflowAsync()
        {
            for (int i = 1; i <= 10; i++)
            {
                await bus.PublishAsync(new ClusterMapChanged { Version = i }, default);
            }

            var left = new List<long>();
            while (left.Count < 4 && await events.MoveNextAsync())
            {
                left.Add(((ClusterMapChanged)events.Current).Version);
            }

            return left;
        }
    }
}
