using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
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
    private const int Batch = 8;
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
    private int _asked, _buried, _confirmed, _rounds, _largest;

    [SetUp]
    public async Task Open()
    {
        _asked = _buried = _confirmed = _rounds = _largest = 0;
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
        queue.Setup(one => one.ClaimTombstonesAsync(It.IsAny<int>(), It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns(async (int limit, TimeSpan lease, CancellationToken token) =>
            {
                TombstoneBatch batch = await _store.ClaimTombstonesAsync(limit, lease, token);
                Interlocked.Increment(ref _rounds);
                _largest = Math.Max(_largest, batch.Tombstones.Length);
                return batch;
            });
        queue.Setup(one => one.SettleTombstonesAsync(It.IsAny<TombstoneSettlement>(), It.IsAny<CancellationToken>()))
            .Returns(async (TombstoneSettlement settlement, CancellationToken token) =>
            {
                bool isSettled = await _store.SettleTombstonesAsync(settlement, token);
                Interlocked.Add(ref _confirmed, isSettled ? settlement.Done.Length : 0);
                return isSettled;
            });
        _server = new Server(
            _store, queue.Object, _store, _manager.Object, directory.Object, new InProcessClusterBus(NullLogger.Instance),
            new TombstoneWorkerOptions { BatchSize = Batch }, _time, NullLogger<Server>.Instance);
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
    public async Task Who_has_confirmed_is_remembered_and_not_asked_again()
    {
        Answer(B, ChunkStatus.Unreachable);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);
        await RoundsUntilAsync(() => Task.FromResult(Calls(B) >= 3), "three rounds");
        Assert.That(Calls(A), Is.EqualTo(1));
        Assert.That((await _store.DueTombstonesAsync(1, None)).SelectMany(one => one.Confirmed), Is.SubsetOf([A]));

        Answer(B, ChunkStatus.Ok);
        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");

        Assert.That(Calls(A), Is.EqualTo(1));
    }

    [Test]
    public async Task A_new_epoch_needs_every_member_s_word_again()
    {
        Answer(B, ChunkStatus.Unreachable);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);
        await RoundsUntilAsync(() => Task.FromResult(Calls(B) >= 2), "two rounds");
        Assert.That(Calls(A), Is.EqualTo(1));

        _map = Map(version: 2, epoch: 2, NodeState.Up, 1);
        Answer(B, ChunkStatus.Ok);
        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");

        Assert.That(Calls(A), Is.EqualTo(2));
    }

    [Test]
    public async Task A_member_that_is_away_does_not_hold_others_up()
    {
        Answer(B, ChunkStatus.Unreachable);
        await BuryAsync([.. Chunks(1, 3 * Batch)]);
        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Calls(A) >= 3), "every batch has been at A");

        Assert.That(_largest, Is.EqualTo(Batch), "batches are bounded");
        Assert.That(Left, Is.EqualTo(3 * Batch));
    }

    [Test]
    public async Task Deletions_carry_the_generation_and_every_node_is_told_of_it()
    {
        NamespaceIdentity raised = await _store.RaiseGenerationAsync(None);
        await _store.ResumeCollectionAsync(raised.Generation, None);
        await BuryAsync(Chunk(1));

        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
        _nodes[A].Verify(node => node.AcceptGenerationAsync(2, It.IsAny<CancellationToken>()), Times.Once());
        _nodes[A].Verify(node => node.DeleteAsync(
            It.IsAny<VolumeId>(), It.IsAny<ImmutableArray<ChunkKey>>(), 2, It.IsAny<CancellationToken>()));
    }

    [Test]
    public async Task Nothing_is_deleted_after_a_restore_before_an_operator_s_word()
    {
        await BuryAsync(Chunk(1));
        NamespaceIdentity raised = await _store.RaiseGenerationAsync(None);
        await _server.StartAsync(None);
        await RoundsUntilAsync(() => Task.FromResult(Volatile.Read(ref _rounds) >= 3), "three rounds");
        Assert.That(Calls(A) + Calls(B), Is.Zero);
        _nodes[B].Verify(node => node.AcceptGenerationAsync(raised.Generation, It.IsAny<CancellationToken>()), Times.Once());

        await _store.ResumeCollectionAsync(raised.Generation, None);

        await RoundsUntilAsync(() => Task.FromResult(Left == 0), "no tombstone is left");
    }

    [Test]
    public async Task A_node_that_has_seen_a_newer_generation_keeps_them()
    {
        Answer(B, ChunkStatus.StaleGeneration);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Calls(B) >= 2), "two rounds");

        Assert.That(Left, Is.EqualTo(1));
    }

    [TestCase(0, 5)]
    [TestCase(3, 40)]
    [TestCase(1000, 300)]
    public void What_was_put_off_often_waits_longer(int attempts, int seconds) =>
        Assert.That(new TombstoneWorkerOptions().PostponementAfter(attempts), Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    [TestCase(1024, 1_000, 1024)]
    [TestCase(1024, 1_000_000, 50)]
    [TestCase(1023, 1_000_000, 2000)]
    public void Rounds_keep_to_the_rate(int carried, int perSecond, int milliseconds) => Assert.That(
        new TombstoneWorkerOptions { PerSecond = perSecond }.PauseAfter(carried),
        Is.EqualTo(TimeSpan.FromMilliseconds(milliseconds)));

    [Test]
    public async Task A_suspect_member_keeps_them_and_is_not_waited_for()
    {
        _map = Map(version: 1, epoch: 1, NodeState.Suspect, 1);
        await BuryAsync(Chunk(1));
        await _server.StartAsync(None);

        await RoundsUntilAsync(() => Task.FromResult(Volatile.Read(ref _rounds) >= 4), "four rounds");

        Assert.That(Left, Is.EqualTo(1));
        Assert.That((Calls(A), Calls(B)), Is.EqualTo((1, 0)));
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
        _nodes[A].Setup(node => node.DeleteAsync(
            It.IsAny<VolumeId>(), It.IsAny<ImmutableArray<ChunkKey>>(), It.IsAny<long>(), It.IsAny<CancellationToken>()))
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
        .Setup(one => one.DeleteAsync(It.IsAny<VolumeId>(), It.IsAny<ImmutableArray<ChunkKey>>(), It.IsAny<long>(), It.IsAny<CancellationToken>()))
        .ReturnsAsync(status);

    private int Calls(NodeId node) => _nodes[node].Invocations.Count(call => call.Method.Name == nameof(IDataNode.DeleteAsync));

    private void Sent(NodeId node, ulong[] keys, Times times) => _nodes[node].Verify(
        one => one.DeleteAsync(
            new VolumeId(1),
            It.Is<ImmutableArray<ChunkKey>>(sent => sent.Select(key => key.Value).SequenceEqual(keys)),
            It.IsAny<long>(),
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
