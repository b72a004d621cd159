using BigFs.Core.Messaging;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.Messaging;
using BigFs.Internal.Grpc;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

[TestFixture]
internal sealed class RelayClusterBusTests : ClusterBusContract
{
    private readonly ChannelCache _channels = new(TimeSpan.FromSeconds(5));
    private RecordedLog _log = null!;
    private InProcessClusterBus _source = null!;
    private ClusterBusService _service = null!;
    private ControlListener _listener = null!;
    private RelayClusterBus _relay = null!;

    protected override IClusterBus Bus => _relay;

    [SetUp]
    public async Task Start()
    {
        _log = new RecordedLog();
        _source = new InProcessClusterBus(NullLogger.Instance);
        _listener = await ListenAsync("127.0.0.1:0");
        _relay = new RelayClusterBus(
            _listener.Endpoint, _channels, TimeProvider.System, new Logger<RelayClusterBus>(_log));
    }

    [TearDown]
    public async Task Stop()
    {
        await _relay.DisposeAsync();
        await _listener.DisposeAsync();
        _log.Dispose();
    }

    [OneTimeTearDown]
    public void CloseChannels() => _channels.Dispose();

    [Test]
    public async Task Publisher_and_subscriber_come_back_after_the_relay_was_away()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(_relay, ClusterTopic.ClusterUpdates);
        string endpoint = _listener.Endpoint;
        await _listener.DisposeAsync();
        await _relay.PublishAsync(new ClusterMapChanged { Version = 1 }, default);

        _listener = await ListenAsync(endpoint);
        await subscriber.SynchronizeAsync(_relay, ClusterTopic.ClusterUpdates);
        await _relay.PublishAsync(new ClusterMapChanged { Version = 2 }, default);

        Assert.That(await subscriber.NextAsync(), Is.EqualTo(new ClusterMapChanged { Version = 2 }));
    }

    [Test]
    public async Task A_relay_away_holds_no_publisher_up_and_the_first_loss_is_told()
    {
        await using var relay = new RelayClusterBus(
            "127.0.0.1:1", _channels, TimeProvider.System, new Logger<RelayClusterBus>(_log));
        for (int i = 0; i < 5000; i++)
        {
            Assert.That(relay.PublishAsync(Heartbeat(i), default).IsCompletedSuccessfully);
        }

        Assert.That(_log.Count("ClusterBusPublisherLoss"), Is.EqualTo(1));
    }

    [Test]
    public async Task Versions_and_kinds_from_the_future_and_broken_events_are_set_aside_and_told_once_each()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(_relay, ClusterTopic.ClusterUpdates);
        var raw = new Protocol.ClusterBus.ClusterBusClient(_channels.Get(_listener.Endpoint));
        using var call = raw.Publish();

        // Field 15, a kind that nobody knows yet.
        byte[] unknown = [.. new Protocol.BusMessage { Version = 1 }.ToByteArray(), 0x7A, 0x00];
        await call.RequestStream.WriteAsync(Protocol.BusMessage.Parser.ParseFrom(unknown));
        await call.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 2, MapChanged = new() { Version = 1 } });
        await call.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 1, Heartbeat = new() });
        await call.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 1, ServerHeartbeat = new() { Server = "a" } });
        await call.RequestStream.WriteAsync(new ClusterMapChanged { Version = 7 }.ToProto());
        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;

        Assert.That(await subscriber.NextAsync(), Is.EqualTo(new ClusterMapChanged { Version = 7 }));
        Assert.That(
            _service.SetAside.Last.Select(message => message.Reason),
            Is.EqualTo([SetAsideReason.UnknownEvent, SetAsideReason.UnknownVersion, SetAsideReason.Poison, SetAsideReason.Poison]));
        Assert.That(_log.Count("ClusterBusMessageSetAside"), Is.EqualTo(3));
    }

    [Test]
    public async Task A_stopping_listener_waits_for_no_stream()
    {
        await using Subscriber subscriber = await Subscriber.StartAsync(_relay, ClusterTopic.ClusterUpdates);
        long start = TimeProvider.System.GetTimestamp();

        await _listener.DisposeAsync();

        Assert.That(TimeProvider.System.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1.5)));
    }

    [Test]
    public async Task Subscriptions_end_with_their_bus()
    {
        await using var relay = new RelayClusterBus(
            _listener.Endpoint, _channels, TimeProvider.System, NullLogger<RelayClusterBus>.Instance);
        await using IAsyncEnumerator<ClusterEvent> events =
            relay.SubscribeAsync(ClusterTopic.ClusterUpdates, default).GetAsyncEnumerator();
        Task<bool> next = events.MoveNextAsync().AsTask();

        await relay.DisposeAsync();

        Assert.That(await next.WaitAsync(Limit), Is.False);
    }

    private async Task<ControlListener> ListenAsync(string address)
    {
        var listener = new ControlListener(address, NullLoggerFactory.Instance);
        _service = new ClusterBusService(_source, listener.Stopping, TimeProvider.System, new Logger<ClusterBusService>(_log));
        await listener.Map(Protocol.ClusterBus.BindService(_service)).StartAsync(CancellationToken.None);
        return listener;
    }
}
