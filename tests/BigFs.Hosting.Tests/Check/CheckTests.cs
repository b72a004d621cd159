using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Check;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Persistence;
using Microsoft.Data.Sqlite;
using Moq;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Check;

/// <summary>What a check finds in a cluster with real datanodes, each damage planted by the test.</summary>
[CancelAfter(120_000)]
internal sealed class CheckTests
{
    private static readonly CheckOptions Options = new()
    {
        SessionWait = TimeSpan.Zero,
        EntriesPerPage = 7,
        ChunksPerPage = 3,
    };

    private TemporaryDirectory _folder = null!;
    private BigFsCluster _cluster = null!;

    [SetUp]
    public async Task Start()
    {
        _folder = new TemporaryDirectory();
        await OpenAsync();
        for (int i = 0; i < 12; i++)
        {
            await _cluster.Client.UploadBytesAsync($"/files/{i % 3}/{i:d2}", Bytes(i));
        }

        await _cluster.Client.UploadBytesAsync("/held", Bytes(1)[..500], new UploadOptions { Inline = true });
        await _cluster.Client.UploadBytesAsync("/empty", ReadOnlyMemory<byte>.Empty);
    }

    [TearDown]
    public async Task Stop()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    [Test]
    public async Task A_sound_cluster_is_clean_and_everything_is_counted()
    {
        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(findings, Is.Empty);
        Assert.That(summary.IsDamaged, Is.False);
        Assert.That(
            (summary.Directories, summary.Files, summary.Chunks), Is.EqualTo((5L, 14L, 12L)), "the root is one of them");
        Assert.That(summary.Replicas, Is.EqualTo(2 * summary.Volumes));
    }

    [Test]
    public async Task A_chunk_that_one_replica_lacks_is_missing_and_one_that_all_lack_is_lost()
    {
        ChunkReference one = await ChunkOfAsync("/files/0/00"), all = await ChunkOfAsync("/files/1/01");
        await DeleteAsync(one, (await MembersAsync(one))[0]);
        foreach (ClusterNode node in await MembersAsync(all))
        {
            await DeleteAsync(all, node);
        }

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(summary.IsDamaged, Is.True);
        BigFsFinding missing = findings.Single(one => one.Kind == BigFsFindingKind.MissingChunk && one.Path == "/files/0/00");
        Assert.That(
            (missing.Key, missing.Volume, missing.Node),
            Is.EqualTo((one.Key.ToString(), (long?)one.Volume.Value, (await MembersAsync(one))[0].Id.ToString())));
        Assert.That(Count(summary, BigFsFindingKind.MissingChunk), Is.EqualTo(3));
        BigFsFinding lost = findings.Single(one => one.Kind == BigFsFindingKind.LostChunk);
        Assert.That((lost.Path, lost.Key), Is.EqualTo(("/files/1/01", all.Key.ToString())));
    }

    [Test]
    public async Task What_an_absent_node_holds_is_unknown_and_nothing_is_missing_or_lost()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        ClusterNode[] members = await MembersAsync(chunk);
        await DeleteAsync(chunk, members[0]);
        await _cluster.StopNodeAsync(_cluster.Nodes.Single(node => node.Id == members[1].Id.ToString()));

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(Count(summary, BigFsFindingKind.MissingChunk), Is.EqualTo(1));
        Assert.That(Count(summary, BigFsFindingKind.LostChunk), Is.Zero);
        Assert.That(findings.Where(one => one.Kind == BigFsFindingKind.UnknownReplica), Is.Not.Empty);
        Assert.That(
            findings.Where(one => one.Kind == BigFsFindingKind.UnknownReplica).All(one => one.Node == members[1].Id.ToString()));
        Assert.That(findings.Where(one => one.Kind == BigFsFindingKind.MissingReplica), Is.Empty);
    }

    [Test]
    public async Task A_chunk_that_nobody_names_is_an_orphan_unless_an_upload_is_open_that_may_name_it()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        await CloseAndChangeAsync("UPDATE entries SET manifest = x'" + EmptyManifest + "', size = 0, chunks = 0 WHERE name = CAST('00' AS BLOB)");
        await ChangeOwnersAsync(chunk);

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(Count(summary, BigFsFindingKind.OrphanChunk), Is.EqualTo(2), Told(findings));
        Assert.That(findings.Select(one => one.Key).Distinct(), Is.EqualTo([chunk.Key.ToString()]));
        Assert.That(summary.IsDamaged, Is.False);

        await _cluster.Metadata.Role.BeginAsync("/in-flight");
        (BigFsCheckSummary open, _) = await CheckAsync();
        Assert.That(
            (Count(open, BigFsFindingKind.OrphanChunk), Count(open, BigFsFindingKind.ChunkInFlight)), Is.EqualTo((0L, 2L)));
    }

    [Test]
    public async Task Rows_that_do_not_fit_together_are_found()
    {
        await CloseAndChangeAsync(
            "UPDATE entries SET size = size + 1 WHERE name = CAST('01' AS BLOB); "
                + "UPDATE entries SET manifest = x'FFFFFF' WHERE name = CAST('02' AS BLOB); "
                + "DELETE FROM contents; "
                + "INSERT INTO entries (parent, name, id, created, modified) VALUES (4711, CAST('dangles' AS BLOB), 4712, 0, 0), "
                + "(4801, CAST('round' AS BLOB), 4802, 0, 0), (4802, CAST('and-round' AS BLOB), 4801, 0, 0);");

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(summary.IsDamaged, Is.True);
        Assert.That(Paths(findings, BigFsFindingKind.WrongSize), Is.EqualTo(["/files/1/01"]), Told(findings));
        Assert.That(Paths(findings, BigFsFindingKind.UnreadableFile), Is.EquivalentTo(["/files/2/02", "/held"]));
        Assert.That(findings.Single(one => one.Kind == BigFsFindingKind.DanglingEntry).Detail, Does.Contain("dangles").And.Contain("4711"));
        Assert.That(
            findings.Single(one => one.Kind == BigFsFindingKind.DirectoryCycle).Detail, Does.Contain("4801").And.Contain("4802"));
    }

    [Test]
    public async Task Owners_and_manifests_that_do_not_agree_are_found_both_ways()
    {
        ChunkReference unowned = await ChunkOfAsync("/files/0/00"), marked = await ChunkOfAsync("/files/1/01");
        ChunkReference stray = await ChunkOfAsync("/files/2/02"), other = await ChunkOfAsync("/files/0/03");
        await CloseAndChangeAsync(
            $"DELETE FROM chunk_owners WHERE key = {Number(unowned)}; "
                + $"UPDATE chunk_owners SET version = 0 WHERE key = {Number(marked)}; "
                + $"INSERT INTO chunk_owners (key, version) VALUES ({Number(stray)}, 4711), "
                + $"({Number(other)}, (SELECT version FROM entries WHERE name = CAST('04' AS BLOB))), (-1, 4712), (5, 4713);");

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(summary.IsDamaged, Is.True);
        Assert.That(
            findings.Where(one => one.Kind == BigFsFindingKind.UnownedChunk).Select(one => (one.Path, one.Key)),
            Is.EquivalentTo(new[] { ("/files/0/00", unowned.Key.ToString()), ("/files/1/01", marked.Key.ToString()) }), Told(findings));
        Assert.That(
            findings.Single(one => one.Key == marked.Key.ToString()).Detail, Does.Contain("deletion is recorded"));
        Assert.That(
            findings.Where(one => one.Kind == BigFsFindingKind.StrayOwner).Select(one => (one.Path, one.Key)),
            Is.EquivalentTo(new[]
            {
                ((string?)null, stray.Key.ToString()),
                ("/files/1/04", other.Key.ToString()),
                (null, new ChunkKey(ulong.MaxValue).ToString()),
                (null, new ChunkKey(5).ToString()),
            }),
            Told(findings));
        Assert.That(findings, Has.Count.EqualTo(6), Told(findings));

        static long Number(ChunkReference chunk) => unchecked((long)chunk.Key.Value);
    }

    [Test]
    public async Task Files_that_were_deleted_or_replaced_still_own_their_chunks_and_that_is_no_finding()
    {
        await _cluster.Client.UploadBytesAsync("/files/0/00", Bytes(50));
        await _cluster.Client.DeleteAsync("/files/1/01");
        await _cluster.Client.DeleteAsync("/files/2", new DeleteOptions { Recursive = true });

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(summary.IsDamaged, Is.False, Told(findings));
    }

    [Test]
    public async Task Volumes_that_map_and_nodes_do_not_agree_about_are_found()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        await _cluster.DisposeAsync();
        Change("node-manager", "volumes", $"DELETE FROM members WHERE volume = {chunk.Volume}; DELETE FROM volumes WHERE id = {chunk.Volume}");
        await OpenAsync();

        (_, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(
            findings.Where(one => one.Kind == BigFsFindingKind.UnknownVolume).Select(one => one.Path),
            Does.Contain("/files/0/00"), Told(findings));
        Assert.That(
            findings.Where(one => one.Kind == BigFsFindingKind.UnlistedReplica).Select(one => one.Volume),
            Does.Contain(chunk.Volume.Value));
    }

    [Test]
    public async Task A_member_without_its_replica_is_found_and_nothing_is_lost_by_it()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        ClusterNode node = (await MembersAsync(chunk))[0];

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckBesideAsync(
            node, (volume, answer) => volume == chunk.Volume ? (ChunkStatus.VolumeNotFound, []) : answer);

        BigFsFinding gone = findings.Single(one => one.Kind == BigFsFindingKind.MissingReplica);
        Assert.That((gone.Volume, gone.Node), Is.EqualTo(((long?)chunk.Volume.Value, node.Id.ToString())));
        Assert.That(Count(summary, BigFsFindingKind.LostChunk), Is.Zero);
        Assert.That(summary.IsDamaged, Is.True);
    }

    [Test]
    public async Task A_replica_whose_index_says_something_else_is_found()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        ClusterNode node = (await MembersAsync(chunk))[0];

        (_, List<BigFsFinding> findings) = await CheckBesideAsync(node, (_, answer) => (answer.Status,
            [.. answer.Chunks.Select(one => one.Key == chunk.Key ? one with { Crc32C = ~one.Crc32C } : one)]));

        BigFsFinding other = findings.Single();
        Assert.That(
            (other.Kind, other.Path, other.Node),
            Is.EqualTo((BigFsFindingKind.DifferentChunk, "/files/0/00", node.Id.ToString())));
    }

    [Test]
    public async Task Deletions_that_wait_are_told_with_their_number()
    {
        ChunkReference chunk = await ChunkOfAsync("/files/0/00");
        await _cluster.Metadata.Engine.RaiseGenerationAsync(None);
        UploadSession session = await _cluster.Metadata.Engine.BeginAsync("/given-up");
        await _cluster.Metadata.Engine.AbortUploadAsync(
            session.Id, [chunk with { Key = new ChunkKey(chunk.Key.Value + 1000) }], None);

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();

        Assert.That(findings.Single().Kind, Is.EqualTo(BigFsFindingKind.Tombstones), Told(findings));
        Assert.That(findings.Single().Detail, Does.StartWith("1 deletions"));
        Assert.That(summary.IsDamaged, Is.False);
    }

    [Test]
    public async Task Many_findings_of_a_kind_are_counted_and_the_first_are_told()
    {
        for (int i = 0; i < 12; i++)
        {
            ChunkReference chunk = await ChunkOfAsync($"/files/{i % 3}/{i:d2}");
            await DeleteAsync(chunk, (await MembersAsync(chunk))[0]);
        }

        (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync(Options with { MostOfAKind = 5 });

        Assert.That(Count(summary, BigFsFindingKind.MissingChunk), Is.EqualTo(12));
        Assert.That(findings.Count(one => one.Kind == BigFsFindingKind.MissingChunk), Is.EqualTo(5));
    }

    [Test]
    public async Task A_cluster_that_is_written_moved_and_deleted_in_meanwhile_gives_no_false_alarm()
    {
        using var stop = new CancellationTokenSource();
        Task load = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                await _cluster.Client.UploadBytesAsync($"/load/{i % 20}", Bytes(i));
                await _cluster.Client.MoveAsync($"/load/{i % 20}", $"/moved/{i % 20}", new MoveOptions { Overwrite = true });
                await _cluster.Client.DeleteAsync($"/moved/{(i + 10) % 20}");
                if (i % 25 == 0)
                {
                    await _cluster.Client.DeleteAsync("/moved", new DeleteOptions { Recursive = true });
                }
            }
        });
        for (int round = 0; round < 6; round++)
        {
            (BigFsCheckSummary summary, List<BigFsFinding> findings) = await CheckAsync();
            Assert.That(summary.IsDamaged, Is.False, Told(findings));
        }

        await stop.CancelAsync();
        await load;
    }

    private static string EmptyManifest => Convert.ToHexString(ManifestCodec.Encode([]));

    private static long Count(BigFsCheckSummary summary, BigFsFindingKind kind) => summary.Counts.GetValueOrDefault(kind);

    private static string[] Paths(List<BigFsFinding> findings, BigFsFindingKind kind) =>
        [.. findings.Where(one => one.Kind == kind).Select(one => one.Path!)];

    private static string Told(List<BigFsFinding> findings) => string.Join('\n', findings);

    private static byte[] Bytes(int seed)
    {
        var bytes = new byte[100_000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private async Task OpenAsync() => _cluster = await BigFsCluster.StartAsync(
        new BigFsClusterOptions { DataDirectory = _folder.Path, DataNodes = 3 });

    private async Task<(BigFsCheckSummary Summary, List<BigFsFinding> Findings)> CheckAsync(CheckOptions? options = null)
    {
        var findings = new List<BigFsFinding>();
        BigFsCheckSummary summary = await _cluster.Metadata.CheckAsync(
            options ?? Options,
            finding =>
            {
                findings.Add(finding);
                return ValueTask.CompletedTask;
            },
            None);
        return (summary, findings);
    }

    /// <summary>A check to which one node's listings are told otherwise.</summary>
    private async Task<(BigFsCheckSummary Summary, List<BigFsFinding> Findings)> CheckBesideAsync(
        ClusterNode node,
        Func<VolumeId, (ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks), (ChunkStatus, ImmutableArray<StoredChunkInfo>)> tell)
    {
        IDataNode real = _cluster.DataNodes.Get(node);
        var told = new Mock<IDataNode>();
        told.Setup(one => one.ProbeAsync(It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns((TimeSpan deadline, CancellationToken token) => real.ProbeAsync(deadline, token));
        told.Setup(one => one.ListChunksAsync(
                It.IsAny<VolumeId>(), It.IsAny<ChunkKey>(), It.IsAny<int>(), It.IsAny<CancellationToken>()))
            .Returns(async (VolumeId volume, ChunkKey after, int limit, CancellationToken token) =>
                tell(volume, await real.ListChunksAsync(volume, after, limit, token)));
        var directory = new Mock<IDataNodeDirectory>();
        directory.Setup(one => one.Get(It.IsAny<ClusterNode>()))
            .Returns((ClusterNode asked) => asked.Id == node.Id ? told.Object : _cluster.DataNodes.Get(asked));
        var findings = new List<BigFsFinding>();
        BigFsCheckSummary summary = await ClusterCheck.RunAsync(
            _cluster.Metadata.Engine,
            (IMetadataInspection)_cluster.Metadata.Engine,
            _cluster.NodeManager,
            directory.Object,
            Options,
            TimeProvider.System,
            finding =>
            {
                findings.Add(finding);
                return ValueTask.CompletedTask;
            },
            None);
        return (summary, findings);
    }

    private async Task<ChunkReference> ChunkOfAsync(BigFsPath path) =>
        (await _cluster.Metadata.Role.FindAsync(path, withManifest: true, None))!.Manifest.Single();

    private async Task<ClusterMap> MapAsync() => (await _cluster.NodeManager.GetMapAsync(-1, None))!;

    private async Task<ClusterNode[]> MembersAsync(ChunkReference chunk)
    {
        ClusterMap map = await MapAsync();
        return
        [
            .. map.Volumes.Single(volume => volume.Id == chunk.Volume).Members
                .Select(member => map.Nodes.Single(node => node.Id == member.Node)),
        ];
    }

    private async Task DeleteAsync(ChunkReference chunk, ClusterNode node) => Assert.That(
        await _cluster.DataNodes.Get(node).DeleteAsync(chunk.Volume, [chunk.Key], None), Is.EqualTo(ChunkStatus.Ok));

    /// <summary>Stops the cluster, changes rows behind its back, and starts it again.</summary>
    private async Task CloseAndChangeAsync(string sql)
    {
        await _cluster.DisposeAsync();
        Change("metadata-server", "metadata", sql);
        await OpenAsync();
    }

    private async Task ChangeOwnersAsync(ChunkReference chunk)
    {
        await CloseAndChangeAsync($"DELETE FROM chunk_owners WHERE key = {unchecked((long)chunk.Key.Value)}; DELETE FROM sessions");
    }

    private void Change(string role, string name, string sql)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(_folder.Path, role, name + ".db"),
            Pooling = false,
        }.ToString());
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
