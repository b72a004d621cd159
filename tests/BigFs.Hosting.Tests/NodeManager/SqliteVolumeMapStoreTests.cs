using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Hosting.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

public sealed class SqliteVolumeMapStoreTests
{
    private static readonly NodeRecord Node = new()
    {
        Id = new NodeId(Guid.NewGuid()),
        Incarnation = 42,
        TransferEndpoint = "127.0.0.1:1",
        ControlEndpoint = "127.0.0.1:2",
    };

    private static readonly VolumeRecord Volume = new()
    {
        Id = new VolumeId(1),
        Epoch = 3,
        State = VolumeState.Open,
        WasOpen = true,
        Members = [new VolumeMember(Node.Id, true)],
    };

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("bigfs-volumes-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Everything_is_there_after_reopening_under_a_higher_term()
    {
        VolumeMapContents first;
        await using (SqliteVolumeMapStore store = await OpenAsync())
        {
            first = await store.BeginTermAsync(CancellationToken.None);
            Assert.That(await PutAsync(store, first.Term, null, Volume), Is.True);
        }

        await using SqliteVolumeMapStore again = await OpenAsync();
        VolumeMapContents second = await again.BeginTermAsync(CancellationToken.None);
        Assert.That(second.ClusterId, Is.EqualTo(first.ClusterId));
        Assert.That(second.Term, Is.EqualTo(first.Term + 1));
        Assert.That(second.Nodes, Is.EqualTo(new[] { Node }));
        Assert.That(second.Volumes, Has.Length.EqualTo(1));
        Assert.That(second.Volumes[0] with { Members = Volume.Members }, Is.EqualTo(Volume));
        Assert.That(second.Volumes[0].Members, Is.EqualTo(Volume.Members));
    }

    [Test]
    public async Task A_volume_is_swapped_only_from_the_epoch_and_state_that_were_expected()
    {
        await using SqliteVolumeMapStore store = await OpenAsync();
        long term = (await store.BeginTermAsync(CancellationToken.None)).Term;
        VolumeRecord sealing = Volume.After(VolumeEvent.Doubted).With(Node.Id, verified: false);
        Assert.That(await PutAsync(store, term, Volume, sealing), Is.False, "not there yet");
        Assert.That(await PutAsync(store, term, null, Volume), Is.True);
        Assert.That(await PutAsync(store, term, null, Volume), Is.False, "there already");
        Assert.That(await PutAsync(store, term, Volume with { Epoch = 2 }, sealing), Is.False, "another epoch");
        Assert.That(await PutAsync(store, term, Volume with { State = VolumeState.Sealed }, sealing), Is.False, "another state");
        Assert.That(await PutAsync(store, term, Volume, Volume with { Epoch = 2 }), Is.False, "epochs only grow");
        Assert.That(await PutAsync(store, term, Volume, sealing), Is.True);
    }

    [Test]
    public async Task A_commit_is_made_wholly_or_not_at_all()
    {
        await using SqliteVolumeMapStore store = await OpenAsync();
        long term = (await store.BeginTermAsync(CancellationToken.None)).Term;
        await PutAsync(store, term, null, Volume);
        VolumeRecord second = Volume with { Id = new VolumeId(2) };
        bool isDone = await store.CommitAsync(
            new VolumeMapCommit { Term = term, Volumes = [new VolumeCommit(null, second), new VolumeCommit(null, Volume)] },
            CancellationToken.None);
        Assert.That(isDone, Is.False);
        Assert.That((await store.BeginTermAsync(CancellationToken.None)).Volumes.Select(volume => volume.Id.Value), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task A_commit_of_an_earlier_term_is_refused()
    {
        await using SqliteVolumeMapStore store = await OpenAsync();
        long old = (await store.BeginTermAsync(CancellationToken.None)).Term;
        await store.BeginTermAsync(CancellationToken.None);
        Assert.That(await PutAsync(store, old, null, Volume), Is.False);
    }

    [Test]
    public async Task A_second_owner_of_the_map_is_refused()
    {
        await using SqliteVolumeMapStore store = await OpenAsync();
        BigFsException? refused = await Assert.ThrowsAsync<BigFsException>(OpenAsync);
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.DataInUse));
    }

    private Task<SqliteVolumeMapStore> OpenAsync() => SqliteVolumeMapStore.OpenAsync(_folder, CancellationToken.None);

    private static async Task<bool> PutAsync(SqliteVolumeMapStore store, long term, VolumeRecord? before, VolumeRecord after) =>
        await store.CommitAsync(
            new VolumeMapCommit { Term = term, Nodes = [Node], Volumes = [new VolumeCommit(before, after)] },
            CancellationToken.None);
}
