using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>What a datanode does for whom it does not know: nothing, before its store is asked for anything.</summary>
[TestFixture(100_000)]
[TestFixture(4096)]
internal sealed class TransferSecurityTests(int length)
{
    /// <summary>Most bytes of the chunks that the grants are for: as long as the longest written here.</summary>
    private const int Length = 100_000;

    private static readonly ClusterSecret OtherSecret = ClusterSecret.Create([.. Enumerable.Repeat((byte)1, ClusterSecret.KeyBytes)]);
    private static readonly CapabilitySigner Outdated =
        TransferBench.SignerOf(TransferBench.Secret, new FakeTimeProvider(DateTimeOffset.UtcNow - TimeSpan.FromMinutes(20)));

    private static readonly Dictionary<string, (CapabilityRefusal Reason, Func<ChunkGrant, ImmutableArray<NodeId>, ImmutableArray<byte>> Make)> Writes = new()
    {
        ["absent"] = (CapabilityRefusal.Absent, (_, _) => []),
        ["truncated"] = (CapabilityRefusal.Malformed, (grant, _) => grant.Capability[..^1]),
        ["forged"] = (CapabilityRefusal.Forged, (grant, nodes) =>
            TransferBench.SignerOf(OtherSecret, TimeProvider.System).SignWrite(grant.Volume, grant.Epoch, nodes, grant.Key, Length)),
        ["changed"] = (CapabilityRefusal.Forged, (grant, _) => grant.Capability.SetItem(33, 0xff)),
        ["of a key that is not in use"] = (CapabilityRefusal.UnknownKey, (grant, nodes) => TransferBench.SignerOf(
            ClusterSecret.Parse($"9:{new string('0', 64)}", "the test"), TimeProvider.System).SignWrite(grant.Volume, grant.Epoch, nodes, grant.Key, Length)),
        ["expired"] = (CapabilityRefusal.Expired, (grant, nodes) =>
            Outdated.SignWrite(grant.Volume, grant.Epoch, nodes, grant.Key, Length)),
        ["for another node"] = (CapabilityRefusal.OtherNode, (grant, _) =>
            TransferBench.Signer.SignWrite(grant.Volume, grant.Epoch, [TransferBench.NodeOf(8)], grant.Key, Length)),
        ["for another chunk"] = (CapabilityRefusal.OtherChunk, (grant, nodes) =>
            TransferBench.Signer.SignWrite(grant.Volume, grant.Epoch, nodes, ChunkKey.Create(8, 8), Length)),
        ["for another volume"] = (CapabilityRefusal.OtherVolume, (grant, nodes) =>
            TransferBench.Signer.SignWrite(new VolumeId(8), grant.Epoch, nodes, grant.Key, Length)),
        ["for another epoch"] = (CapabilityRefusal.OtherEpoch, (grant, nodes) =>
            TransferBench.Signer.SignWrite(grant.Volume, grant.Epoch + 1, nodes, grant.Key, Length)),
        ["for other members"] = (CapabilityRefusal.OtherMembers, (grant, nodes) =>
            TransferBench.Signer.SignWrite(grant.Volume, grant.Epoch, [.. nodes, TransferBench.NodeOf(8)], grant.Key, Length)),
        ["for another operation"] = (CapabilityRefusal.OtherOperation, (grant, nodes) =>
            TransferBench.Signer.SignRead(grant.Volume, grant.Epoch, nodes)),
        ["for a shorter chunk"] = (CapabilityRefusal.TooLong, (grant, nodes) =>
            TransferBench.Signer.SignWrite(grant.Volume, grant.Epoch, nodes, grant.Key, 4095)),
    };

    private static readonly Dictionary<string, (CapabilityRefusal Reason, ImmutableArray<byte> Token)> Reads = new()
    {
        ["absent"] = (CapabilityRefusal.Absent, []),
        ["truncated"] = (CapabilityRefusal.Malformed, Good[..40]),
        ["forged"] = (CapabilityRefusal.Forged, TransferBench.SignerOf(OtherSecret, TimeProvider.System).SignRead(TransferBench.Volume, 3, Here)),
        ["expired"] = (CapabilityRefusal.Expired, Outdated.SignRead(TransferBench.Volume, 3, Here)),
        ["for another node"] = (CapabilityRefusal.OtherNode, TransferBench.Signer.SignRead(TransferBench.Volume, 3, [TransferBench.NodeOf(8)])),
        ["for another volume"] = (CapabilityRefusal.OtherVolume, TransferBench.Signer.SignRead(new VolumeId(8), 3, Here)),
        ["for writing"] = (CapabilityRefusal.OtherOperation, TransferBench.Signer.SignWrite(TransferBench.Volume, 3, Here, ChunkKey.Create(1, 1), Length)),
    };

    private static ImmutableArray<NodeId> Here => [TransferBench.NodeOf(0)];

    private static ImmutableArray<byte> Good => TransferBench.ReadCapability(TransferBench.NodeOf(0));

    private static IEnumerable<string> BadWrites => Writes.Keys;

    private static IEnumerable<string> BadReads => Reads.Keys;

    [TestCaseSource(nameof(BadWrites))]
    public async Task A_write_whose_capability_is_no_good_is_refused_before_the_store_is_asked(string how)
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        ChunkGrant grant = bench.Grant();
        (CapabilityRefusal reason, var make) = Writes[how];

        ChunkWriteResult result = await bench.WriteAsync(
            grant with { Capability = make(grant, [.. bench.Nodes.Select(node => node.Id)]) }, TransferBench.Payload(length));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.NotAllowed, bench.Nodes[0].Id)), result.Detail);
        Assert.That(result.Detail, Does.Contain($"({reason})"));
        Assert.That(bench.Stores.SelectMany(store => store.Calls), Is.Empty);
        ChunkWriteResult good = await bench.WriteAsync(grant, TransferBench.Payload(length));
        Assert.That(good.Status, Is.EqualTo(ChunkStatus.Ok), "the grant itself is good");
    }

    [TestCaseSource(nameof(BadReads))]
    public async Task A_read_whose_capability_is_no_good_is_refused_before_the_store_is_asked(string how)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        byte[] payload = TransferBench.Payload(length);
        ChunkReference chunk = TransferBench.Reference(bench.Grant(), payload);
        bench.Stores[0].Put(chunk.Key, payload);

        ChunkReadResult read = await bench.Client.ReadAsync(bench.Nodes[0], chunk, Reads[how].Token, 0, new byte[length], default);

        Assert.That(read.Status, Is.EqualTo(ChunkStatus.NotAllowed));
        Assert.That(bench.Stores[0].Calls, Is.Empty);
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(1), "the connection serves on");
        Assert.That(await bench.ReadAsync(0, chunk, 0, new byte[length]), Is.EqualTo(ChunkStatus.Ok));
    }

    [Test]
    public async Task Every_member_of_a_pipeline_checks_for_itself()
    {
        await using TransferBench bench = await TransferBench.StartAsync(3);
        ChunkGrant grant = bench.Grant();

        ChunkWriteResult result = await bench.WriteAsync(
            grant with { Capability = grant.Capability.SetItem(grant.Capability.Length - 1, (byte)~grant.Capability[^1]) },
            TransferBench.Payload(length));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.NotAllowed, bench.Nodes[2].Id)), result.Detail);
        Assert.That(bench.Stores[2].Calls, Is.Empty, "the third member's MAC is the broken one");
        await bench.BuffersComeBackAsync();
    }

    [Test]
    public async Task A_capability_may_be_used_again_on_another_connection_for_the_same_and_nothing_else()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        ChunkGrant grant = bench.Grant();
        byte[] payload = TransferBench.Payload(length);
        await bench.WriteAsync(grant, payload);
        await using var other = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);

        ChunkWriteResult same = await other.WriteAsync(grant, payload, Crc32C.Compute(payload), default);
        ChunkWriteResult another = await other.WriteAsync(
            grant with { Key = ChunkKey.Create(1, 77) }, payload, Crc32C.Compute(payload), default);

        Assert.That(same.Status, Is.EqualTo(ChunkStatus.Ok), "a repeated write is acknowledged again, which a lost answer needs");
        Assert.That(another.Status, Is.EqualTo(ChunkStatus.NotAllowed));
    }

    [Test]
    public void A_server_checks_for_no_other_node_than_its_stores()
    {
        using var store = new FakeChunkStore(TransferBench.NodeOf(0));
        CapabilityVerifier foreign = TransferBench.VerifierOf(TransferBench.NodeOf(1));

        Assert.That(
            () => new TransferServer(store, foreign, new TransferServerOptions(), TimeProvider.System, NullLogger.Instance),
            Throws.ArgumentException);
    }
}
