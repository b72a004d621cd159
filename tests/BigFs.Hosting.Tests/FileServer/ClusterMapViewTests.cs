using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Hosting.FileServer;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.Messaging;
using BigFs.Hosting.Tests.NodeManager;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.FileServer;

/// <summary>A file server's map: the whole at first, then what the bus brings; and asked for when something is missing.</summary>
public sealed class ClusterMapViewTests
{
    private static readonly Guid Cluster = new("0badc0de-0000-4000-8000-000000000001");

    private readonly FakeBus _bus = new();
    private readonly FakeTimeProvider _time = new();
    private readonly Manager _manager = new();
    private ClusterMapView _view = null!;

    [SetUp]
    public async Task Open()
    {
        _view = new ClusterMapView(_manager, _bus, _time, NullLogger.Instance);
        _view.Start();
        await SeesAsync(_manager.Map.Version);
    }

    [TearDown]
    public ValueTask Close() => _view.DisposeAsync();

    [Test]
    public async Task Changes_that_come_one_after_the_other_are_followed_without_asking()
    {
        int asked = _manager.Asked;
        var random = new Random(20260131);
        for (int i = 0; i < 300; i++)
        {
            await _bus.PublishAsync(Sent(_manager.Change(random)), default);
        }

        await SeesAsync(_manager.Map.Version);
        Assert.That(_manager.Asked, Is.EqualTo(asked));
        Assert.That((await _view.GetAsync(default)).ToProto(), Is.EqualTo(_manager.Map.ToProto()));
    }

    [Test]
    public async Task Changes_that_are_lost_doubled_shuffled_or_too_large_are_asked_for()
    {
        var random = new Random(20260132);
        for (int round = 0; round < 50; round++)
        {
            List<ClusterMapChanged> sent = [];
            for (int i = random.Next(1, 12); i > 0; i--)
            {
                ClusterMapChanged one = Sent(_manager.Change(random));
                one = random.Next(6) == 0 ? one with { Delta = null } : one;
                sent.AddRange(Enumerable.Repeat(one, random.Next(4) == 0 ? 0 : random.Next(1, 3)));
            }

            // The last one comes: what no event tells is found after a while only.
            ClusterMapChanged[] shuffled = [.. sent, Sent(_manager.Change(random))];
            random.Shuffle(shuffled);
            foreach (ClusterMapChanged one in shuffled)
            {
                await _bus.PublishAsync(one, default);
            }

            await SeesAsync(_manager.Map.Version);
            Assert.That((await _view.GetAsync(default)).ToProto(), Is.EqualTo(_manager.Map.ToProto()), $"round {round}");
        }
    }

    [Test]
    public async Task Changes_of_another_cluster_are_none_of_ours()
    {
        int asked = _manager.Asked;
        long version = _manager.Map.Version;
        ClusterMapChanged theirs = Sent(_manager.Change(new Random(1)));
        await _bus.PublishAsync(theirs with { Delta = theirs.Delta! with { ClusterId = Guid.NewGuid() } }, default);
        await _bus.PublishAsync(theirs with { Version = version, Delta = null }, default);
        await _bus.PublishAsync(Sent(_manager.Change(new Random(2))), default);
        await SeesAsync(_manager.Map.Version);
        Assert.That(_manager.Asked, Is.EqualTo(asked + 1), "for the change of ours that came as another's");
    }

    [Test]
    public void A_delta_that_is_broken_is_set_aside()
    {
        ClusterMapChanged sound = Sent(_manager.Change(new Random(1)));
        Protocol.BusMessage message = sound.ToProto();
        message.MapChanged.Delta.Cluster = Google.Protobuf.ByteString.CopyFromUtf8("short");
        Assert.That(message.FromProto(out SetAsideReason reason), Is.Null);
        Assert.That(reason, Is.EqualTo(SetAsideReason.Poison));
        message = sound.ToProto();
        message.MapChanged.Delta.Volumes.AddRange(
            Enumerable.Range(0, ClusterMapDelta.MaxItems + 1).Select(i => new Protocol.ClusterVolume { Id = i, State = 2 }));
        Assert.That(message.FromProto(out _), Is.Null);
    }

    /// <summary>As it comes over the wire.</summary>
    private static ClusterMapChanged Sent(ClusterMapDelta delta)
    {
        var sent = new ClusterMapChanged { Version = delta.To, Delta = delta };
        return (ClusterMapChanged)BusMapping.Decode(BusMapping.Encode(sent), out _)!;
    }

    private async Task SeesAsync(long version)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while ((await _view.GetAsync(limit.Token)).Version < version)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>A node manager that has a map and counts who asks for it.</summary>
    private sealed class Manager : INodeManager
    {
        private volatile ClusterMap _map = new()
        {
            ClusterId = Cluster,
            Version = 7L << 32,
            DefaultReplicas = 2,
            Nodes = [],
            Volumes = [],
        };

        private int _asked;

        public ClusterMap Map => _map;

        public int Asked => Volatile.Read(ref _asked);

        /// <summary>Changes some nodes and volumes, new and old.</summary>
        public ClusterMapDelta Change(Random random)
        {
            ImmutableArray<ClusterNode> nodes =
            [
                .. Some(random, 8).Select(number => new ClusterNode
                {
                    Id = new NodeId(new Guid(number, 0, 0, new byte[8])),
                    TransferEndpoint = $"127.0.0.1:{number + 1}",
                    ControlEndpoint = "",
                    State = NodeState.Up,
                }),
            ];
            ImmutableArray<ClusterVolume> volumes =
            [
                .. Some(random, 40).Select(number => new ClusterVolume
                {
                    Id = new VolumeId(number),
                    Epoch = random.Next(1, 9),
                    State = VolumeState.Open,
                    Members = [new VolumeMember(new NodeId(new Guid(number % 8, 0, 0, new byte[8])), random.Next(2) == 0)],
                }),
            ];
            var after = new ClusterMapDelta
            {
                ClusterId = Cluster,
                From = _map.Version,
                To = _map.Version + 1,
                Nodes = nodes,
                Volumes = volumes,
            };
            _map = _map with
            {
                Version = after.To,
                Nodes = [.. _map.Nodes.Where(one => nodes.All(other => other.Id != one.Id)).Concat(nodes).OrderBy(one => one.Id)],
                Volumes = [.. _map.Volumes.Where(one => volumes.All(other => other.Id != one.Id)).Concat(volumes).OrderBy(one => one.Id)],
            };
            return after;
        }

        public ValueTask<ClusterMap?> GetMapAsync(long knownVersion, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            ClusterMap map = _map;
            return ValueTask.FromResult(map.Version == knownVersion ? null : map);
        }

        public ValueTask<NodeAdmission> RegisterAsync(NodeReport report, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("A file server registers no node.");

        public ValueTask<ClusterMap> EnsureWritableAsync(int replicas, CancellationToken cancellationToken) => ValueTask.FromResult(_map);

        public ValueTask BindNamespaceAsync(Guid namespaceId, long generation, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        private static IEnumerable<int> Some(Random random, int of) =>
            Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(of)).Distinct();
    }
}
