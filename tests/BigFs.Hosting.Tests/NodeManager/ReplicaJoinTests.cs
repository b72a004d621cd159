using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>Single runs on datanodes in memory: what a run leaves behind when it is cut off is what the next one finds.</summary>
[CancelAfter(20_000)]
public sealed class ReplicaJoinTests
{
    private static readonly VolumeId Volume = new(1);
    private static readonly ChunkKey Key = new(7);

    [Test]
    public async Task The_only_replica_that_is_gone_is_not_made_anew_however_often_it_is_tried([Values] bool isVerified)
    {
        FakeDataNodes nodes = await OpenAsync(1);
        nodes.All[0].Forget(Volume);
        for (int run = 0; run < 3; run++)
        {
            JoinResult result = await RunAsync(nodes, JoinPurpose.Seal, isVerified);
            Assert.That(result.Whole, Is.Empty);
            Assert.That(result.Failures, Is.EqualTo(new[] { (nodes.All[0].Id, ChunkStatus.VolumeNotFound) }));
            Assert.That(nodes.All[0].StateOf(Volume), Is.Null);
        }
    }

    [Test]
    public async Task A_replica_that_is_gone_is_not_made_anew_beside_a_peer_that_is_not_verified(
        [Values] bool isVerified, [Values(JoinPurpose.Seal, JoinPurpose.Return)] JoinPurpose purpose)
    {
        FakeDataNodes nodes = await OpenAsync(2);
        nodes.All[0].Forget(Volume);
        for (int run = 0; run < 3; run++)
        {
            JoinResult result = await RunAsync(nodes, purpose, isVerified, false);
            Assert.That(result.Whole, Is.Empty);
            Assert.That(nodes.All[0].StateOf(Volume), Is.Null);
        }
    }

    [Test]
    public async Task A_verified_member_whose_replica_is_gone_never_stands_for_the_volume_with_an_empty_one()
    {
        FakeDataNodes nodes = await OpenAsync(2);
        nodes.All[0].Forget(Volume);
        nodes.All[1].Fault = order => order is "list" or "digest" ? ChunkStatus.Unreachable : null;
        JoinResult first = await RunAsync(nodes, JoinPurpose.Seal, true, true);
        JoinResult second = await RunAsync(nodes, JoinPurpose.Seal, true, true);
        Assert.That(first.Whole.Concat(second.Whole), Is.Empty);

        nodes.All[1].Fault = _ => null;
        JoinResult sealing = await RunAsync(nodes, JoinPurpose.Seal, true, true);
        Assert.That(sealing.Whole, Is.EqualTo(new[] { nodes.All[1].Id }), "who has it seals it");
        JoinResult back = await RunAsync(nodes, JoinPurpose.Return, false, true);
        Assert.That(back.Whole, Is.EqualTo(new[] { nodes.All[0].Id }), "the other is filled from it");
        Assert.That(nodes.All[0].Chunks(Volume), Is.EqualTo(nodes.All[1].Chunks(Volume)));
    }

    [Test]
    public async Task A_replica_in_a_volume_that_never_took_appends_is_simply_made()
    {
        FakeDataNodes nodes = await OpenAsync(2);
        nodes.All[0].Forget(Volume);
        nodes.All[1].Forget(Volume);
        JoinResult result = await RunAsync(nodes, JoinPurpose.Seal, wasOpen: false, [true, true]);
        Assert.That(result.Whole, Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_target_that_holds_other_bytes_under_a_key_is_not_whole()
    {
        FakeDataNodes nodes = await OpenAsync(2);
        nodes.All[1].Change(Volume, Key);
        JoinResult result = await RunAsync(nodes, JoinPurpose.Return, true, false);
        Assert.That(result.Whole, Is.Empty);
    }

    [Test]
    public async Task Equal_replicas_are_told_by_their_digests_and_unequal_ones_by_their_keys()
    {
        FakeDataNodes nodes = await OpenAsync(2);
        var asked = new List<string>();
        nodes.All[0].Fault = order =>
        {
            asked.Add(order);
            return null;
        };
        Assert.That((await RunAsync(nodes, JoinPurpose.Equalize, true, true)).Whole, Has.Length.EqualTo(2));
        Assert.That(asked, Does.Not.Contain("list"));

        Assert.That(nodes.All[1].Append(Volume, 1, new ChunkKey(8)));
        await nodes.All[1].DeleteAsync(Volume, [new ChunkKey(9)], default);
        Assert.That((await RunAsync(nodes, JoinPurpose.Seal, true, true)).Whole, Has.Length.EqualTo(2));
        Assert.That(asked, Does.Contain("list"));
        Assert.That(nodes.All[0].Chunks(Volume), Is.EqualTo(nodes.All[1].Chunks(Volume)), "marks too");
    }

    [TestCase(JoinPurpose.Seal, 3)]
    [TestCase(JoinPurpose.Return, 1)]
    [TestCase(JoinPurpose.Equalize, 0)]
    public async Task A_mark_that_may_be_older_than_the_names_stays_with_who_has_it(JoinPurpose purpose, int whole)
    {
        FakeDataNodes nodes = await OpenAsync(3);
        await nodes.All[0].DeleteAsync(Volume, [Key], default);
        nodes.All[2].Forget(Volume);
        await nodes.All[2].OpenVolumeAsync(Request(nodes, purpose, true, [true, true, true]).Order with { Epoch = 1 }, default);
        bool[] verified = [true, true, purpose != JoinPurpose.Return];
        JoinRequest request = Request(nodes, purpose, wasOpen: true, verified, spreadsMarks: false);
        JoinResult result = await new ReplicaJoin(nodes, Signing.Signer, NullLogger.Instance, request).RunAsync(default);
        Assert.That(result.Whole, Has.Length.EqualTo(whole));
        bool?[] deleted = [.. nodes.All.Select(node => node.Chunks(Volume) is [var chunk] ? chunk.Deleted : (bool?)null)];
        Assert.That(
            deleted, Is.EqualTo(new bool?[] { true, false, purpose == JoinPurpose.Equalize ? null : false }), "the third got the chunk");
    }

    [Test]
    public async Task Members_that_fail_at_the_same_moment_are_all_noted()
    {
        const int members = 8;
        for (int round = 0; round < 200; round++)
        {
            using var together = new Barrier(members);
            var directory = new Mock<IDataNodeDirectory>();
            var node = new Mock<IDataNode>();
            directory.Setup(one => one.Get(It.IsAny<ClusterNode>())).Returns(node.Object);
            node.Setup(one => one.FenceAsync(It.IsAny<VolumeOrder>(), It.IsAny<CancellationToken>()))
                .ReturnsAsync(ChunkStatus.VolumeNotFound);
            node.Setup(one => one.OpenVolumeAsync(It.IsAny<VolumeOrder>(), It.IsAny<CancellationToken>()))
                .Returns(() => new ValueTask<ChunkStatus>(Task.Factory.StartNew(
                    () =>
                    {
                        together.SignalAndWait();
                        return ChunkStatus.OutOfSpace;
                    },
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default)));
            JoinRequest request = Request(new FakeDataNodes(members), JoinPurpose.Seal, false, [.. Enumerable.Repeat(true, members)]);
            JoinResult result = await new ReplicaJoin(directory.Object, Signing.Signer, NullLogger.Instance, request).RunAsync(default);
            Assert.That(result.Failures, Has.Length.EqualTo(members));
        }
    }

    /// <summary>Nodes that hold an open replica with one chunk.</summary>
    private static async Task<FakeDataNodes> OpenAsync(int count)
    {
        var nodes = new FakeDataNodes(count);
        JoinRequest request = Request(nodes, JoinPurpose.Seal, true, [.. Enumerable.Repeat(true, count)]);
        foreach (FakeDataNode node in nodes.All)
        {
            await node.OpenVolumeAsync(request.Order with { Epoch = 1 }, default);
            Assert.That(node.Append(Volume, 1, Key));
        }

        return nodes;
    }

    private static Task<JoinResult> RunAsync(FakeDataNodes nodes, JoinPurpose purpose, params bool[] verified) =>
        RunAsync(nodes, purpose, wasOpen: true, verified);

    private static Task<JoinResult> RunAsync(FakeDataNodes nodes, JoinPurpose purpose, bool wasOpen, ReadOnlySpan<bool> verified) =>
        new ReplicaJoin(nodes, Signing.Signer, NullLogger.Instance, Request(nodes, purpose, wasOpen, verified)).RunAsync(default);

    private static JoinRequest Request(
        FakeDataNodes nodes, JoinPurpose purpose, bool wasOpen, ReadOnlySpan<bool> verified, bool spreadsMarks = true)
    {
        var present = ImmutableArray.CreateBuilder<JoinMember>();
        for (int i = 0; i < verified.Length; i++)
        {
            var node = new ClusterNode
            {
                Id = nodes.All[i].Id,
                ControlEndpoint = "",
                TransferEndpoint = "",
                State = NodeState.Up,
            };
            present.Add(new JoinMember(node, verified[i]));
        }

        return new JoinRequest
        {
            Order = new VolumeOrder { Term = 1, Volume = Volume, Epoch = 2, Members = [.. nodes.All.Select(node => node.Id)] },
            Purpose = purpose,
            WasOpen = wasOpen,
            SpreadsMarks = () => spreadsMarks,
            Present = present.ToImmutable(),
        };
    }
}
