using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.MetadataServer;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>Deletions carried to real datanodes.</summary>
[CancelAfter(60_000)]
internal sealed class DeletionTests
{
    private static readonly MetadataPace Fast = new(TimeSpan.Zero, new TombstoneWorkerOptions
    {
        IdlePause = TimeSpan.FromMilliseconds(20),
        BusyPause = TimeSpan.FromMilliseconds(5),
        Postponement = TimeSpan.FromMilliseconds(20),
        LongestPostponement = TimeSpan.FromMilliseconds(100),
    });

    private BigFsCluster _cluster = null!;

    [SetUp]
    public async Task Start() =>
        _cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions { InMemory = true, DataNodes = 3, Pace = Fast });

    [TearDown]
    public async Task Stop() => await _cluster.DisposeAsync();

    [Test]
    public async Task A_member_that_is_away_holds_no_deletion_up_and_carries_them_out_on_its_return()
    {
        BigFsClusterNode away = _cluster.Nodes[0];
        var awayId = new NodeId(Guid.ParseExact(away.Id, "N"));
        ImmutableArray<ChunkReference> chunks = [];
        for (int i = 0; chunks.Count(chunk => MembersOf(chunk).Contains(awayId)) < 3; i++)
        {
            await _cluster.Client.UploadBytesAsync($"/files/{i}", Bytes(i));
            MetadataEntry file = (await _cluster.Metadata.Role.FindAsync($"/files/{i}", withManifest: true, None))!;
            chunks = [.. chunks, .. file.Manifest];
        }

        await _cluster.StopNodeAsync(away);
        Assert.That(await _cluster.Client.DeleteAsync("/files", new DeleteOptions { Recursive = true }), Is.True);

        await EventuallyAsync(
            chunks, "those that are there", (node, status) => node == awayId || status == ChunkStatus.ChunkDeleted);
        await UntilAsync(
            async () => (await _cluster.Metadata.Engine.DueTombstonesAsync(100, None)).Any(one => one.Attempts > 0),
            "the rest waits");
        Assert.That(
            (await _cluster.Metadata.Engine.DueTombstonesAsync(100, None)).Select(one => one.Key),
            Is.SubsetOf(chunks.Where(chunk => MembersOf(chunk).Contains(awayId)).Select(chunk => chunk.Key)));

        await _cluster.StartNodeAsync(away);

        await EventuallyAsync(chunks, "all members", (_, status) => status == ChunkStatus.ChunkDeleted);
        await UntilAsync(
            async () => (await _cluster.Metadata.Engine.ClaimTombstonesAsync(100, TimeSpan.FromTicks(1), None)).Tombstones.IsEmpty
                && (await _cluster.Metadata.Engine.DueTombstonesAsync(100, None)).IsEmpty,
            "nothing waits any more");
    }

    [Test]
    public async Task After_a_restore_nothing_is_deleted_before_an_operator_s_word_and_never_by_the_old_generation()
    {
        await _cluster.Client.UploadBytesAsync("/a", Bytes(1));
        MetadataEntry file = (await _cluster.Metadata.Role.FindAsync("/a", withManifest: true, None))!;
        NamespaceIdentity raised = await _cluster.Metadata.Engine.RaiseGenerationAsync(None);
        await UntilAsync(
            async () => (await Task.WhenAll((await MapAsync()).Nodes.Select(node => _cluster.DataNodes.Get(node)
                .AcceptGenerationAsync(1, None).AsTask()))).All(status => status == ChunkStatus.StaleGeneration),
            "every node knows the new generation");

        await _cluster.Client.DeleteAsync("/a");
        foreach ((ClusterNode node, ChunkReference chunk) in await ReplicasAsync(file.Manifest))
        {
            Assert.That(
                await _cluster.DataNodes.Get(node).DeleteAsync(chunk.Volume, [chunk.Key], 1, None),
                Is.EqualTo(ChunkStatus.StaleGeneration));
            Assert.That(await StatusAsync(node, chunk), Is.EqualTo(ChunkStatus.Ok));
        }

        await _cluster.Metadata.Engine.ResumeCollectionAsync(raised.Generation, None);

        await EventuallyAsync(file.Manifest, "all members", (_, status) => status == ChunkStatus.ChunkDeleted);
    }

    private async Task EventuallyAsync(
        ImmutableArray<ChunkReference> chunks, string what, Func<NodeId, ChunkStatus, bool> isAsExpected) => await UntilAsync(
        async () =>
        {
            foreach ((ClusterNode node, ChunkReference chunk) in await ReplicasAsync(chunks))
            {
                if (!isAsExpected(node.Id, await StatusAsync(node, chunk)))
                {
                    return false;
                }
            }

            return true;
        },
        $"deleted at {what}");

    private async Task<List<(ClusterNode Node, ChunkReference Chunk)>> ReplicasAsync(ImmutableArray<ChunkReference> chunks)
    {
        ClusterMap map = await MapAsync();
        return
        [
            .. chunks.SelectMany(chunk => map.Volumes.Single(volume => volume.Id == chunk.Volume).Members
                .Select(member => (map.Nodes.Single(node => node.Id == member.Node), chunk))),
        ];
    }

    private async Task<ChunkStatus> StatusAsync(ClusterNode node, ChunkReference chunk) =>
        await _cluster.DataNodes.Get(node).VerifyAsync(chunk.Volume, chunk.Key, None);

    private async Task<ClusterMap> MapAsync() => (await _cluster.NodeManager.GetMapAsync(-1, None))!;

    private IEnumerable<NodeId> MembersOf(ChunkReference chunk) =>
        MapAsync().Result.Volumes.Single(volume => volume.Id == chunk.Volume).Members.Select(member => member.Node);

    private static byte[] Bytes(int seed)
    {
        var bytes = new byte[300_000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
