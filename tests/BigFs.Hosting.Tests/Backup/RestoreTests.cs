using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using BigFs.Hosting.Backup;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata;
using BigFs.Hosting.Tests.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Backup;

/// <summary>Databases copied while they serve, and restored into folders.</summary>
[TestFixture]
internal sealed class RestoreTests
{
    private static readonly NodeRecord Node = new()
    {
        Id = new NodeId(Guid.NewGuid()),
        Incarnation = 42,
        TransferEndpoint = "127.0.0.1:1",
        ControlEndpoint = "127.0.0.1:2",
    };

    private readonly IDisk _disk = DataNodeHost.DiskForThisPlatform();
    private TemporaryDirectory _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryDirectory();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [OneTimeTearDown]
    public void CloseDisk() => _disk.Dispose();

    [Test]
    public async Task A_copy_under_load_holds_what_was_acknowledged_before_and_each_operation_wholly()
    {
        NamespaceIdentity before;
        int atStart = 0, acknowledged = 0;
        await using (SqliteMetadataStore store = await OpenAsync("metadata"))
        {
            await store.AdoptClusterIdAsync(Guid.NewGuid(), None);
            before = await store.IdentityAsync(None);
            await store.NextIncarnationAsync(None);
            using var stop = new CancellationTokenSource();
            Task load = Task.Run(async () =>
            {
                for (; !stop.IsCancellationRequested; Interlocked.Increment(ref acknowledged))
                {
                    await store.PutAsync($"/load/{acknowledged:d6}", Chunks((ulong)acknowledged * 2 + 1, 2));
                }
            });
            await UntilAsync(() => Task.FromResult(Volatile.Read(ref acknowledged) >= 200), "200 files");
            atStart = Volatile.Read(ref acknowledged);
            await BackupAsync(store);
            int atEnd = Volatile.Read(ref acknowledged);
            await UntilAsync(() => Task.FromResult(Volatile.Read(ref acknowledged) > atEnd + 20), "writers go on");
            await stop.CancelAsync();
            await load;
            Assert.That(Directory.GetFiles(Folder("metadata"), "*.backup*"), Is.Empty, "the snapshot is gone");
        }

        BigFsRestored restored = await BigFsRestore.RunAsync(Options());

        await using SqliteMetadataStore again = await OpenAsync("restored");
        Assert.That(restored.Generation, Is.EqualTo(2));
        Assert.That(
            await again.IdentityAsync(None), Is.EqualTo(before with { Generation = 2, IsCollectionPaused = true }));
        Assert.That(await again.NextIncarnationAsync(None), Is.EqualTo(IMetadataIdentity.IncarnationsPerRestore + 2));
        int found = 0;
        for (; await again.FindAsync($"/load/{found:d6}") is { } entry; found++)
        {
            Assert.That(entry.Manifest, Is.EqualTo(Chunks((ulong)found * 2 + 1, 2)));
        }

        Assert.That(found, Is.InRange(atStart, acknowledged));
        await again.PutAsync("/after", Chunk(1));
    }

    [Test]
    public async Task A_second_copy_at_the_same_time_is_refused_and_the_next_one_is_made()
    {
        await using SqliteMetadataStore store = await OpenAsync("metadata");
        await using (IAsyncEnumerator<DatabasePiece> first = store.ReadCopyAsync(None).GetAsyncEnumerator())
        {
            await first.MoveNextAsync();
            BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => BackupAsync(store)))!;
            Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        }

        await BackupAsync(store);
        Assert.That(Directory.GetFiles(Folder("metadata"), "*.backup*"), Is.Empty);
    }

    [Test]
    public async Task A_database_in_memory_has_no_copy()
    {
        await using SqliteMetadataStore store =
            await SqliteMetadataStore.OpenAsync(new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, None);

        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => BackupAsync(store)))!;

        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    [Test]
    public async Task A_restore_replaces_nothing_and_touches_no_folder_in_use()
    {
        await using (SqliteMetadataStore store = await OpenAsync("metadata"))
        {
            await BackupAsync(store);
            BigFsRestoreOptions ontoItself = new() { File = Backup, MetadataDirectory = Folder("metadata") };
            Assert.That((await RefusedAsync(ontoItself)).Code, Is.EqualTo(BigFsErrorCode.DataInUse));
        }

        BigFsRestoreOptions again = new() { File = Backup, MetadataDirectory = Folder("metadata") };
        Assert.That((await RefusedAsync(again)).Code, Is.EqualTo(BigFsErrorCode.AlreadyExists));

        Directory.CreateDirectory(Folder("other"));
        await File.WriteAllTextAsync(Path.Combine(Folder("other"), "something"), "");
        BigFsRestoreOptions other = new() { File = Backup, MetadataDirectory = Folder("other") };
        Assert.That((await RefusedAsync(other)).Message, Does.Contain("something"));
        Assert.That((await RefusedAsync(new BigFsRestoreOptions { File = Backup })).Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
    }

    [Test]
    public async Task A_restore_that_was_cut_off_is_not_served_and_may_be_run_again([Values] bool renamed)
    {
        await using (SqliteMetadataStore store = await OpenAsync("metadata"))
        {
            await store.PutAsync("/a", Chunk(1));
            await BackupAsync(store);
        }

        await BigFsRestore.RunAsync(Options());
        string work = Path.Combine(Folder("restored"), BigFsRestore.WorkFolder);
        Directory.CreateDirectory(work);
        if (!renamed)
        {
            File.Move(Path.Combine(Folder("restored"), "metadata.db"), Path.Combine(work, "metadata.db"));
        }

        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => OpenAsync("restored")))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));
        Assert.That(refusal.Message, Does.Contain("cut off"));

        await BigFsRestore.RunAsync(Options());
        await using SqliteMetadataStore again = await OpenAsync("restored");
        Assert.That(await again.FindAsync("/a"), Is.Not.Null);
        Assert.That((await again.IdentityAsync(None)).Generation, Is.EqualTo(2), "begun once");
    }

    [Test]
    public async Task A_restored_volume_map_begins_beyond_all_that_datanodes_have_seen()
    {
        var volume = new VolumeRecord
        {
            Id = new VolumeId(7),
            Epoch = 3,
            State = VolumeState.Open,
            WasOpen = true,
            Members = [new VolumeMember(Node.Id, true)],
        };
        var bound = Guid.NewGuid();
        long term;
        await using (SqliteVolumeMapStore map = await SqliteVolumeMapStore.OpenAsync(Folder("map"), None))
        await using (SqliteMetadataStore metadata = await OpenAsync("metadata"))
        {
            term = (await map.BeginTermAsync(None)).Term;
            await map.CommitAsync(
                new VolumeMapCommit { Term = term, Namespace = bound, Nodes = [Node], Volumes = [new VolumeCommit(null, volume)] },
                None);
            await BackupAsync(metadata, map);
        }

        await BigFsRestore.RunAsync(new BigFsRestoreOptions { File = Backup, NodeManagerDirectory = Folder("map2") });

        await using SqliteVolumeMapStore again = await SqliteVolumeMapStore.OpenAsync(Folder("map2"), None);
        VolumeMapContents contents = await again.BeginTermAsync(None);
        VolumeRecord restored = contents.Volumes.Single();
        Assert.That(contents.Namespace, Is.EqualTo(bound));
        Assert.That(contents.Term, Is.GreaterThan(term + 60_000));
        Assert.That(contents.VolumeFloor, Is.GreaterThan(60_000));
        Assert.That(contents.Generation, Is.EqualTo(new MapGeneration(1, 7)), "no replica takes another's delete marks");
        Assert.That(restored.Epoch, Is.GreaterThan(60_000));
        Assert.That((restored.State, restored.Members[0].Verified), Is.EqualTo((VolumeState.Sealing, false)));
    }

    private string Backup => Path.Combine(_folder.Path, "backup.tar");

    private string Folder(string name) => Path.Combine(_folder.Path, name);

    private BigFsRestoreOptions Options() => new() { File = Backup, MetadataDirectory = Folder("restored") };

    private Task<SqliteMetadataStore> OpenAsync(string name) => SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = Folder(name) }, TimeProvider.System, NullLogger.Instance, None);

    private async Task BackupAsync(SqliteMetadataStore metadata, SqliteVolumeMapStore? map = null)
    {
        NamespaceIdentity identity = await metadata.IdentityAsync(None);
        await using BackupWriter writer = BackupWriter.Create(_disk, Backup);
        await writer.AddAsync(BackupManifest.Metadata, metadata.ReadCopyAsync(None), None);
        if (map is not null)
        {
            await writer.AddAsync(BackupManifest.Volumes, map.ReadCopyAsync(None), None);
        }

        await writer.CompleteAsync(
            files => new BackupManifest
            {
                Taken = TimeProvider.System.GetUtcNow(),
                Cluster = identity.Cluster,
                Namespace = identity.Namespace,
                Generation = identity.Generation,
                Files = files,
            },
            None);
    }

    private static async Task<BigFsException> RefusedAsync(BigFsRestoreOptions options) =>
        (await Assert.ThrowsAsync<BigFsException>(() => BigFsRestore.RunAsync(options)))!;
}
