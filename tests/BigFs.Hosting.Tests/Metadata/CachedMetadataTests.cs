using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Hosting.FileServer;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>Two file servers with caches before one metadata server, and a bus that does as the test says.</summary>
[TestFixture]
internal sealed class CachedMetadataTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task A_manifest_is_fetched_once_and_validated_afterwards()
    {
        // The event of the commit itself would come in between.
        await using var cluster = await Cluster.StartAsync(new TestBus { Delivers = false });
        await cluster.CommitAsync(cluster.First, "/f", 1);

        for (int i = 0; i < 3; i++)
        {
            Assert.That(await cluster.OpenAsync(cluster.First, "/f"), Is.EqualTo(1));
        }

        Assert.That((cluster.Store.Whole, cluster.Store.Validations), Is.EqualTo((1, 2)));
    }

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public async Task Whatever_the_bus_does_every_read_sees_every_write_before_it_through_whichever_file_server(
        bool delivers, bool confuses)
    {
        const int seed = 20261125;
        TestContext.Out.WriteLine($"SEED {seed}");
        var random = new Random(seed);
        await using var cluster = await Cluster.StartAsync(new TestBus { Delivers = delivers, Confuses = confuses });
        string[] paths = ["/a", "/d/a", "/d/b", "/d/e/a"];
        for (int step = 1; step <= 600; step++)
        {
            BigFs.Hosting.FileServer.FileServer one = cluster.Any(random), other = cluster.Any(random);
            string path = paths[random.Next(paths.Length)];
            switch (random.Next(6))
            {
                case 0:
                    await one.DeleteAsync(new DeleteRequest { Operation = Guid.CreateVersion7(), Path = path }, default);
                    Assert.That(await cluster.OpenAsync(other, path), Is.Null, $"step {step}");
                    break;
                case 1 when await other.FindAsync("/d", default) is not null:
                    await one.MoveAsync(new MoveRequest { Operation = Guid.CreateVersion7(), Source = "/d", Destination = $"/moved{step}" }, default);
                    Assert.That(await cluster.OpenAsync(other, "/d/a"), Is.Null, $"step {step}");
                    break;
                case 2:
                    await one.DeleteAsync(new DeleteRequest { Operation = Guid.CreateVersion7(), Path = "/d", Recursive = true }, default);
                    Assert.That(await cluster.OpenAsync(other, "/d/e/a"), Is.Null, $"step {step}");
                    break;
                default:
                    await cluster.CommitAsync(one, path, step);
                    Assert.That(await cluster.OpenAsync(other, path), Is.EqualTo(step), $"step {step}");
                    Assert.That(((BigFsFile?)await other.FindAsync(path, default))?.Crc32C, Is.EqualTo(Crc(step)), $"step {step}");
                    break;
            }
        }

        // Events that come soon leave little to validate.
        Assert.That(cluster.Store.Validations, Is.GreaterThan(delivers ? -1 : 10), "the caches were used");
    }

    [Test]
    public async Task A_stale_read_costs_no_call_is_no_older_than_allowed_and_sees_what_its_own_server_changed()
    {
        await using var cluster = await Cluster.StartAsync(new TestBus { Delivers = false });
        await cluster.CommitAsync(cluster.First, "/f", 1);
        await cluster.OpenAsync(cluster.Second, "/f");
        int calls = cluster.Store.Calls;

        Assert.That(await cluster.OpenStaleAsync(cluster.Second, "/f", Minute), Is.EqualTo(1));
        Assert.That(await cluster.Second.FindStaleAsync("/f", Minute, default), Is.Not.Null);
        Assert.That(cluster.Store.Calls, Is.EqualTo(calls));

        await cluster.CommitAsync(cluster.First, "/f", 2);
        Assert.That(await cluster.OpenStaleAsync(cluster.Second, "/f", Minute), Is.EqualTo(1), "the bus is dead, and the caller allows it");
        Assert.That(await cluster.OpenStaleAsync(cluster.First, "/f", Minute), Is.EqualTo(2), "it changed that itself");
        Assert.That(await cluster.OpenAsync(cluster.Second, "/f"), Is.EqualTo(2));

        await cluster.CommitAsync(cluster.First, "/f", 3);
        cluster.Time.Advance(Minute + TimeSpan.FromTicks(1));
        Assert.That(await cluster.OpenStaleAsync(cluster.Second, "/f", Minute), Is.EqualTo(3), "too old");
    }

    [Test]
    public async Task An_event_ends_staleness_for_a_path_and_for_everything_beneath_a_moved_or_deleted_directory()
    {
        await using var cluster = await Cluster.StartAsync(new TestBus());
        foreach (string path in new[] { "/f", "/d/e/f", "/t/e/f" })
        {
            await cluster.CommitAsync(cluster.First, path, 1);
            await cluster.OpenAsync(cluster.Second, path);
        }

        await cluster.CommitAsync(cluster.First, "/f", 2);
        await cluster.First.MoveAsync(new MoveRequest { Operation = Guid.CreateVersion7(), Source = "/d", Destination = "/moved" }, default);
        await cluster.First.DeleteAsync(new DeleteRequest { Operation = Guid.CreateVersion7(), Path = "/t", Recursive = true }, default);

        await cluster.UntilAsync(async () => await cluster.OpenStaleAsync(cluster.Second, "/f", Minute) == 2
            && await cluster.OpenStaleAsync(cluster.Second, "/d/e/f", Minute) is null
            && await cluster.OpenStaleAsync(cluster.Second, "/t/e/f", Minute) is null);
    }

    [Test]
    public async Task Absence_is_never_kept()
    {
        await using var cluster = await Cluster.StartAsync(new TestBus { Delivers = false });
        Assert.That(await cluster.Second.FindStaleAsync("/f", Minute, default), Is.Null);
        Assert.That(await cluster.OpenStaleAsync(cluster.Second, "/f", Minute), Is.Null);

        await cluster.CommitAsync(cluster.First, "/f", 1);

        Assert.That(await cluster.Second.FindStaleAsync("/f", Minute, default), Is.Not.Null);
        Assert.That(await cluster.OpenStaleAsync(cluster.Second, "/f", Minute), Is.EqualTo(1));
    }

    [Test]
    public async Task Stale_reads_go_on_while_the_metadata_server_is_away_and_others_do_not()
    {
        await using var cluster = await Cluster.StartAsync(new TestBus { Delivers = false });
        await cluster.CommitAsync(cluster.First, "/f", 1);
        await cluster.OpenAsync(cluster.First, "/f");
        cluster.Store.IsAway = true;

        Assert.That(await cluster.OpenStaleAsync(cluster.First, "/f", Minute), Is.EqualTo(1));
        Assert.That((await Assert.ThrowsAsync<BigFsException>(() => cluster.OpenAsync(cluster.First, "/f")))!.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
    }

    [Test]
    public async Task Many_changes_at_once_are_told_in_few_events_and_too_many_as_everything()
    {
        var bus = new TestBus { Holds = true };
        await using var publisher = new InvalidationPublisher(bus, TimeProvider.System);
        publisher.Add("/first", tree: false);
        await bus.Reached.Task.WaitAsync(Patience);
        for (int i = 0; i < 100; i++)
        {
            publisher.Add($"/f{i}", tree: false);
            publisher.Add($"/f{i}", tree: false);
        }

        publisher.Add("/t", tree: true);
        bus.LetGo();
        await UntilAsync(() => Task.FromResult(bus.Published.Count >= 2));
        MetadataInvalidated second = bus.Published.OfType<MetadataInvalidated>().ElementAt(1);
        Assert.That((second.Paths.Length, second.Trees), Is.EqualTo((100, second.Trees)));
        Assert.That(second.Trees, Is.EqualTo(new BigFsPath[] { "/t" }));

        int before = bus.Published.Count;
        for (int i = 0; i <= 2 * MetadataInvalidated.MaxPaths; i++)
        {
            publisher.Add($"/many{i}", tree: false);
        }

        await UntilAsync(() => Task.FromResult(bus.Published.Skip(before).OfType<MetadataInvalidated>()
            .Any(message => message.Trees.Contains(BigFsPath.Root))));
        Assert.That(
            bus.Published.OfType<MetadataInvalidated>().Select(message => message.Paths.Length + message.Trees.Length),
            Is.All.LessThanOrEqualTo(MetadataInvalidated.MaxPaths));
    }

    [Test]
    public async Task Changes_wait_for_others_only_until_they_are_many()
    {
        var clock = new FakeTimeProvider();
        var bus = new TestBus();
        await using var publisher = new InvalidationPublisher(bus, clock);
        publisher.Add("/first", tree: false);
        await UntilAsync(() => Task.FromResult(bus.Published.Count == 1));

        publisher.Add("/second", tree: false);
        clock.Advance(InvalidationPublisher.Gathering / 2);
        Assert.That(bus.Published, Has.Count.EqualTo(1), "waits for company");
        await UntilAsync(() =>
        {
            clock.Advance(InvalidationPublisher.Gathering);
            return Task.FromResult(bus.Published.Count == 2);
        });

        // The clock stands still from here on.
        for (int i = 0; i < MetadataInvalidated.MaxPaths / 2; i++)
        {
            publisher.Add($"/many{i}", tree: false);
        }

        await UntilAsync(() => Task.FromResult(
            bus.Published.OfType<MetadataInvalidated>().Sum(message => message.Paths.Length) >= 2 + (MetadataInvalidated.MaxPaths / 4)));
    }

    private static uint Crc(int number) => BigFs.Core.Chunking.Crc32C.Compute(BitConverter.GetBytes(number));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }

    private sealed class Cluster : IAsyncDisposable
    {
        private readonly SqliteMetadataStore _engine;
        private readonly MetadataServer.MetadataServer _server;

        private Cluster(SqliteMetadataStore engine, TestBus bus)
        {
            var nodes = new Mock<INodeManager>();
            nodes.Setup(manager => manager.GetMapAsync(It.IsAny<long>(), It.IsAny<CancellationToken>()))
                .ReturnsAsync(new BigFs.Core.Membership.ClusterMap { ClusterId = Guid.NewGuid(), Version = 1, DefaultReplicas = 1, Nodes = [], Volumes = [] });
            _engine = engine;
            _server = new MetadataServer.MetadataServer(
                engine, engine, engine, nodes.Object, Mock.Of<IDataNodeDirectory>(), bus, new TombstoneWorkerOptions(), TimeProvider.System, NullLogger<MetadataServer.MetadataServer>.Instance);
            Store = new CountedStore(_server);
            First = Make();
            Second = Make();

            BigFs.Hosting.FileServer.FileServer Make() => new(
                Store.Seam, nodes.Object, Signing.Signer, bus, new NameDurability(BigFsDurability.Memory, "memory"), 1 << 20, Time, NullLogger.Instance);
        }

        public FakeTimeProvider Time { get; } = new();

        public CountedStore Store { get; }

        public BigFs.Hosting.FileServer.FileServer First { get; }

        public BigFs.Hosting.FileServer.FileServer Second { get; }

        public static async Task<Cluster> StartAsync(TestBus bus)
        {
            SqliteMetadataStore engine = await SqliteMetadataStore.OpenAsync(
                new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, default);
            var cluster = new Cluster(engine, bus);
            await cluster._server.StartAsync(default);
            await cluster.First.StartAsync();
            await cluster.Second.StartAsync();
            return cluster;
        }

        public BigFs.Hosting.FileServer.FileServer Any(Random random) => random.Next(2) == 0 ? First : Second;

        public async Task CommitAsync(BigFs.Hosting.FileServer.FileServer server, BigFsPath path, int number) =>
            await server.CommitFileAsync(
                new CommitFileRequest
                {
                    Operation = Guid.CreateVersion7(),
                    Path = path,
                    Size = 4,
                    Crc32C = Crc(number),
                    Content = BitConverter.GetBytes(number),
                },
                default);

        public Task<int?> OpenAsync(BigFs.Hosting.FileServer.FileServer server, BigFsPath path) => OpenStaleAsync(server, path, TimeSpan.Zero);

        public async Task<int?> OpenStaleAsync(BigFs.Hosting.FileServer.FileServer server, BigFsPath path, TimeSpan maxStaleness)
        {
            OpenedFile? opened = maxStaleness == TimeSpan.Zero
                ? await server.OpenAsync(path, default)
                : await server.OpenStaleAsync(path, maxStaleness, default);
            return opened is null ? null : BitConverter.ToInt32(opened.Content.Span);
        }

        public Task UntilAsync(Func<Task<bool>> condition) => CachedMetadataTests.UntilAsync(condition);

        public async ValueTask DisposeAsync()
        {
            await First.DisposeAsync();
            await Second.DisposeAsync();
            await _server.DisposeAsync();
            await _engine.DisposeAsync();
        }
    }

    /// <summary>The metadata server, with its reads counted.</summary>
    private sealed class CountedStore
    {
        public CountedStore(IMetadataStore store)
        {
            Mock<IMetadataStore> seam = new(MockBehavior.Strict);
            seam.Setup(s => s.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<bool>(), It.IsAny<CancellationToken>()))
                .Returns((BigFsPath path, bool whole, CancellationToken token) =>
                {
                    Whole += Count(whole);
                    return store.FindAsync(path, whole, token);
                });
            seam.Setup(s => s.FindChangedAsync(It.IsAny<BigFsPath>(), It.IsAny<BigFsVersion>(), It.IsAny<CancellationToken>()))
                .Returns((BigFsPath path, BigFsVersion known, CancellationToken token) =>
                {
                    Validations += Count(true);
                    return store.FindChangedAsync(path, known, token);
                });
            seam.Setup(s => s.CommitFileAsync(It.IsAny<CommitFileRequest>(), It.IsAny<CancellationToken>()))
                .Returns((CommitFileRequest request, CancellationToken token) => store.CommitFileAsync(request, token));
            seam.Setup(s => s.DeleteAsync(It.IsAny<DeleteRequest>(), It.IsAny<CancellationToken>()))
                .Returns((DeleteRequest request, CancellationToken token) => store.DeleteAsync(request, token));
            seam.Setup(s => s.MoveAsync(It.IsAny<MoveRequest>(), It.IsAny<CancellationToken>()))
                .Returns((MoveRequest request, CancellationToken token) => store.MoveAsync(request, token));
            Seam = seam.Object;
        }

        public IMetadataStore Seam { get; }

        public bool IsAway { get; set; }

        public int Calls { get; private set; }

        public int Whole { get; private set; }

        public int Validations { get; private set; }

        private int Count(bool isCounted)
        {
            if (IsAway)
            {
                throw new BigFsException(BigFsErrorCode.Unavailable, "The metadata server is away.");
            }

            Calls++;
            return isCounted ? 1 : 0;
        }
    }

    /// <summary>A bus that delivers, does not, or delivers twice and in another order.</summary>
    private sealed class TestBus : IClusterBus
    {
        private readonly ConcurrentBag<Channel<ClusterEvent>> _subscribers = [];
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Random _random = new(1);
        private readonly List<ClusterEvent> _kept = [];

        public bool Delivers { get; init; } = true;

        public bool Confuses { get; init; }

        public bool Holds { get; init; }

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentQueue<ClusterEvent> Published { get; } = new();

        public void LetGo() => _held.SetResult();

        public async ValueTask PublishAsync(ClusterEvent message, CancellationToken cancellationToken)
        {
            Published.Enqueue(message);
            Reached.TrySetResult();
            if (Holds)
            {
                await _held.Task.WaitAsync(cancellationToken);
            }

            if (!Delivers)
            {
                return;
            }

            _kept.Add(message);
            ClusterEvent[] sent = Confuses
                ? [.. _kept.TakeLast(5).OrderBy(_ => _random.Next()).Take(_random.Next(4))]
                : [message];
            foreach (Channel<ClusterEvent> subscriber in _subscribers)
            {
                foreach (ClusterEvent one in sent)
                {
                    subscriber.Writer.TryWrite(one);
                }
            }
        }

        public async IAsyncEnumerable<ClusterEvent> SubscribeAsync(
            ClusterTopic topic, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var channel = Channel.CreateUnbounded<ClusterEvent>();
            _subscribers.Add(channel);
            await foreach (ClusterEvent message in channel.Reader.ReadAllAsync(cancellationToken))
            {
                if (message.Topic == topic)
                {
                    yield return message;
                }
            }
        }
    }
}
