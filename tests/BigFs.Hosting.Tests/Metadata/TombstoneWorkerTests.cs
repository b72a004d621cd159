using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;
using Server = BigFs.Hosting.MetadataServer.MetadataServer;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>The metadata server's own part, on a namespace in memory and with datanodes that are mocks.</summary>
[TestFixture]
internal sealed class TombstoneWorkerTests
{
    private static readonly Guid Cluster = Guid.NewGuid();
    private static readonly NodeId A = new(new Guid(1, 0, 0, new byte[8]));
    private static readonly NodeId B = new(new Guid(2, 0, 0, new byte[8]));

    private readonly FakeTimeProvider _time = new();
    private Dictionary<NodeId, Mock<IDataNode>> _nodes = [];
    private Mock<INodeManager> _manager = new();
    private SqliteMetadataStore _store = null!;
    private Server _server = null!;
    private volatile ClusterMap _map = null!;
    private volatile bool _managerAway, _managerHangs;
    private int _asked, _buried, _confirmed;

    [SetUp]
    public async Task Open()
    {
        _asked = _buried = _confirmed = 0;
        _managerAway = _managerHangs = false;
        _map = Map(version: 1, epoch: 1, NodeState.Up, 1);
        _manager = new Mock<INodeManager>();
        _manager.Setup(manager => manager.GetMapAsync(It.IsAny<long>(), It.IsAny<CancellationToken>()))
            .Returns((long known, CancellationToken token) =>
            {
                Interlocked.Increment(ref _asked);
                return _managerHangs ? HangAsync(token)
                    : _managerAway
                    ? throw new BigFsException(BigFsErrorCode.Unavailable, "away")
                    : ValueTask.FromResult(known == _map.Version ? null : _map);
            });
        _nodes = new Dictionary<NodeId, Mock<IDataNode>> { [A] = new(), [B] = new() };
        Answer(A, ChunkStatus.Ok);
        Answer(B, ChunkStatus.Ok);
        var directory = new Mock<IDataNodeDirectory>();
        directory.Setup(one => one.Get(It.IsAny<ClusterNode>())).Returns((ClusterNode node) => _nodes[node.Id].Object);
        _store = await SqliteMetadataStore.OpenAsync(new SqliteMetadataOptions(), _time, NullLogger.Instance, None);
        var queue = new Mock<ITombstoneQueue>();
        queue.Setup(one => one.DueTombstonesAsync(It.IsAny<int>(), It.IsAny<CancellationToken>()))
            .Returns((int limit, CancellationToken token) => _store.DueTombstonesAsync(limit, token));
        queue.Setup(one => one.PostponeTombstonesAsync(
                It.IsAny<ImmutableArray<long>>(), It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns((ImmutableArray<long> ids, TimeSpan delay, CancellationToken token) =>
                _store.PostponeTombstonesAsync(ids, delay, token));
        queue.Setup(one => one.ConfirmTombstonesAsync(It.IsAny<ImmutableArray<long>>(), It.IsAny<CancellationToken>()))
            .Returns(async (ImmutableArray<long> ids, CancellationToken token) =>
            {
                await _store.ConfirmTombstonesAsync(ids, token);
                Interlocked.Add(ref _confirmed, ids.Length);
            });
        _server = new Server(
            _store, queue.Object, _store, _manager.Object, directory.Object, new TombstoneWorkerOptions(), _time,
            NullLogger<Server>.Instance);
    }

    [TearDown]
    public async Task Close()
    {
        await _server.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Test]
    public async Task Deletions_go_to_every_member_and_are_forgotten_when_all_have_carried_them_out()
    {
        await BuryAsync(Chunk(1), Chunk(2));

        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
        Sent(A, [1, 2], Times.Once());
        Sent(B, [1, 2], Times.Once());
    }

    [TestCase(ChunkStatus.Unreachable)]
    [TestCase(ChunkStatus.Stalled)]
    [TestCase(ChunkStatus.VolumeNotFound)]
    [TestCase(ChunkStatus.DiskFailed)]
    public async Task A_member_that_has_not_carried_them_out_keeps_them(ChunkStatus status)
    {
        Answer(B, status);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);
        await RoundsUntilAsync(() => Task.FromResult(Calls(B) >= 3), "three rounds");
        Assert.That(Left, Is.EqualTo(1));

        Answer(B, ChunkStatus.Ok);

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
    }

    [Test]
    public async Task A_suspect_member_keeps_them_and_is_not_waited_for()
    {
        _map = Map(version: 1, epoch: 1, NodeState.Suspect, 1);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Calls(A) >= 2), "two rounds");

        Assert.That(Left, Is.EqualTo(1));
        Assert.That(Calls(B), Is.Zero);
    }

    [Test]
    public async Task A_volume_that_the_map_does_not_list_keeps_them_and_others_go_on()
    {
        await BuryAsync(Chunk(1, volume: 9), Chunk(2));

        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Left == 1), "one tombstone is left");
        Assert.That(Calls(A), Is.EqualTo(1));
        _map = Map(version: 2, epoch: 1, NodeState.Up, 1, 9);
        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
    }

    [Test]
    public async Task A_change_of_members_meanwhile_keeps_them_for_another_round()
    {
        _nodes[A].Setup(node => node.DeleteAsync(It.IsAny<VolumeId>(), It.IsAny<ImmutableArray<ChunkKey>>(), It.IsAny<CancellationToken>()))
            .Returns(() =>
            {
                _map = Calls(A) == 1 ? Map(version: 2, epoch: 2, NodeState.Up, 1) : _map;
                return ValueTask.FromResult(ChunkStatus.Ok);
            });
        await BuryAsync(Chunk(1));

        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
        Assert.That((Calls(A), Calls(B)), Is.EqualTo((2, 2)));
    }

    [Test]
    public async Task Nothing_is_deleted_before_the_node_manager_has_named_the_cluster()
    {
        _managerAway = true;
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);
        await _server.MakeDirectoryAsync("/serves");
        await RoundsUntilAsync(() => Task.FromResult(Volatile.Read(ref _asked) >= 3), "three attempts");
        Assert.That(Calls(A) + Calls(B), Is.Zero);

        _managerAway = false;

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
        BigFsException bound = (await Assert.ThrowsAsync<BigFsException>(
            () => _store.AdoptClusterIdAsync(Guid.NewGuid(), None).AsTask()))!;
        Assert.That(bound.Message, Does.Contain(Cluster.ToString("N")));
    }

    [Test]
    public async Task A_node_manager_that_does_not_answer_holds_the_start_up_for_a_second_only()
    {
        _managerHangs = true;
        await BuryAsync(Chunk(1));
        Task start = _server.StartAsync(None);
        Assert.That(start.IsCompleted, Is.False);

        await RoundsUntilAsync(() => Task.FromResult(start.IsCompleted), "the start");
        await start;
        await _server.MakeDirectoryAsync("/serves");
        Assert.That(Calls(A) + Calls(B), Is.Zero);
    }

    [Test]
    public async Task A_namespace_of_another_cluster_is_refused_at_start()
    {
        await _store.AdoptClusterIdAsync(Guid.NewGuid(), None);

        BigFsException? exception = await Assert.ThrowsAsync<BigFsException>(() => _server.StartAsync(None));

        Assert.That(exception!.Code, Is.EqualTo(BigFsErrorCode.WrongCluster));
    }

    [Test]
    public async Task A_namespace_of_another_cluster_is_refused_when_it_is_found_out_later()
    {
        _managerAway = true;
        await _store.AdoptClusterIdAsync(Guid.NewGuid(), None);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);

        _managerAway = false;

        await RoundsUntilAsync(
            async () =>
            {
                try
                {
                    await _server.FindAsync("/");
                    return false;
                }
                catch (BigFsException exception) when (exception.Code == BigFsErrorCode.WrongCluster)
                {
                    return true;
                }
            },
            "everything is refused");
        Assert.That(Calls(A) + Calls(B), Is.Zero);
    }

    private static ClusterMap Map(long version, long epoch, NodeState stateOfB, params long[] volumes) => new()
    {
        ClusterId = Cluster,
        Version = version,
        DefaultReplicas = 2,
        Nodes = [Node(A, NodeState.Up), Node(B, stateOfB)],
        Volumes =
        [
            .. volumes.Select(id => new ClusterVolume
            {
                Id = new VolumeId(id),
                Epoch = epoch,
                State = VolumeState.Sealed,
                Members = [new VolumeMember(A, true), new VolumeMember(B, true)],
            }),
        ],
    };

    private static async ValueTask<ClusterMap?> HangAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        return null;
    }

    private static ClusterNode Node(NodeId id, NodeState state) =>
        new() { Id = id, TransferEndpoint = "", ControlEndpoint = "", State = state };

    private void Answer(NodeId node, ChunkStatus status) => _nodes[node]
        .Setup(one => one.DeleteAsync(It.IsAny<VolumeId>(), It.IsAny<ImmutableArray<ChunkKey>>(), It.IsAny<CancellationToken>()))
        .ReturnsAsync(status);

    private int Calls(NodeId node) => _nodes[node].Invocations.Count;

    private void Sent(NodeId node, ulong[] keys, Times times) => _nodes[node].Verify(
        one => one.DeleteAsync(
            new VolumeId(1),
            It.Is<ImmutableArray<ChunkKey>>(sent => sent.Select(key => key.Value).SequenceEqual(keys)),
            It.IsAny<CancellationToken>()),
        times);

    private async Task BuryAsync(params ImmutableArray<ChunkReference> chunks)
    {
        _buried += chunks.Length;
        UploadSession session = await _store.BeginAsync("/aborted");
        await _store.AbortUploadAsync(session.Id, chunks, None);
    }

    private int Left => _buried - Volatile.Read(ref _confirmed);

    private Task RoundsUntilAsync(Func<Task<bool>> condition, string what) => UntilAsync(
        async () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return await condition();
        },
        what);
}
