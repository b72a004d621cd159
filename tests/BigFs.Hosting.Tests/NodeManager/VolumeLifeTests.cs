using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

public sealed class VolumeLifeTests
{
    [Test]
    public async Task Three_nodes_have_a_volume_open_on_each_pair()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        ClusterMap map = await cluster.MapAsync();
        Assert.That(map.Volumes.Select(volume => (volume.Members[0].Node, volume.Members[1].Node)), Is.Unique);
        Assert.That(map.Volumes, Has.Length.EqualTo(3));
    }

    [Test]
    public async Task After_the_death_of_a_node_its_volumes_are_sealed_and_writing_goes_on_without_it()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        await cluster.WriteToAllAsync();
        FakeDataNode dead = cluster.Nodes.All[0];
        await cluster.KillAsync(dead);
        ClusterMap map = await cluster.WaitAsync(map => map.Volumes.Count(volume => volume.State == VolumeState.Sealed) == 2);
        Assert.That(map.Volumes.Count(volume => volume.State == VolumeState.Open), Is.EqualTo(1));
        foreach (ClusterVolume volume in map.Volumes.Where(volume => volume.State == VolumeState.Sealed))
        {
            Assert.That(volume.Epoch, Is.EqualTo(2));
            Assert.That(volume.Members.Single(member => !member.Verified).Node, Is.EqualTo(dead.Id));
        }

        await cluster.WriteToAllAsync();
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task One_node_after_the_other_dies_and_returns_and_nothing_is_lost_and_no_volumes_pile_up([Values] bool clean)
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        for (int round = 0; round < 6; round++)
        {
            FakeDataNode dead = cluster.Nodes.All[round % 3];
            await cluster.WriteToAllAsync();
            ClusterMap map = await cluster.MapAsync();
            ClusterVolume torn = map.Volumes.First(volume => volume.Members.Any(member => member.Node == dead.Id));
            cluster.Write(torn, reaches: node => node == dead.Id); // In flight: only the node that dies has it.
            await cluster.KillAsync(dead);
            await cluster.WriteToAllAsync();
            dead.Start(clean);
            await cluster.WaitUntilWholeAsync();
            await cluster.WaitAsync(now => now.Volumes.Count(volume => volume.State == VolumeState.Open) == 3);
            await cluster.AssertNothingLostAsync();
        }

        Assert.That((await cluster.MapAsync()).Volumes, Has.Length.EqualTo(3));
    }

    [Test]
    public async Task Survivors_with_different_sets_are_sealed_with_their_union()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(3);
        cluster.Options = cluster.Options with { DefaultReplicas = 3 };
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        ClusterMap map = await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Open }]);
        ClusterVolume open = map.Volumes[0];
        FakeDataNode[] nodes = cluster.Nodes.All;
        Assert.That(cluster.Write(open));
        cluster.Write(open, reaches: node => node == nodes[1].Id);
        cluster.Write(open, reaches: node => node == nodes[2].Id);
        await cluster.KillAsync(nodes[0]);
        await cluster.WaitAsync(map => map.Volumes[0].State == VolumeState.Sealed);
        Assert.That(nodes[1].Chunks(open.Id), Has.Length.EqualTo(3));
        Assert.That(nodes[2].Chunks(open.Id), Is.EqualTo(nodes[1].Chunks(open.Id)));
        Assert.That(nodes[1].StateOf(open.Id), Is.EqualTo((2L, ReplicaState.Sealed)));
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task Unclean_restarts_of_all_nodes_again_and_again_lose_nothing_and_pile_up_no_volumes()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        for (int round = 0; round < 4; round++)
        {
            await cluster.WriteToAllAsync();
            foreach (FakeDataNode node in cluster.Nodes.All)
            {
                node.Stop();
            }

            await cluster.StopManagerAsync();
            await cluster.StartManagerAsync();
            foreach (FakeDataNode node in cluster.Nodes.All)
            {
                node.Start(clean: false);
                await cluster.RegisterAsync(node);
            }

            await cluster.WaitUntilWholeAsync();
            ClusterMap map = await cluster.WaitAsync(now => now.Volumes.Count(volume => volume.State == VolumeState.Open) == 3);
            Assert.That(map.Volumes, Has.Length.EqualTo(3));
            await cluster.AssertNothingLostAsync();
        }
    }

    [Test]
    public async Task After_a_clean_restart_of_everything_open_volumes_are_open_under_the_same_epoch()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        await cluster.WriteToAllAsync();
        await cluster.StopManagerAsync();
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            node.Start(clean: true);
            await cluster.RegisterAsync(node);
        }

        ClusterMap map = await cluster.WaitUntilWholeAsync();
        Assert.That(map.Volumes.Select(volume => (volume.State, volume.Epoch)), Is.All.EqualTo((VolumeState.Open, 1L)));
        await cluster.WriteToAllAsync();
    }

    [Test]
    public async Task A_restart_of_the_node_manager_alone_changes_no_volume_and_only_raises_the_version()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        ClusterMap before = await cluster.MapAsync();
        await cluster.StopManagerAsync();
        await cluster.StartManagerAsync();
        ClusterMap after = await cluster.WaitUntilWholeAsync();
        Assert.That(ManagerCluster.Text(after), Is.EqualTo(ManagerCluster.Text(before)));
        Assert.That(after.Version, Is.GreaterThan(before.Version));
        Assert.That(after.ClusterId, Is.EqualTo(before.ClusterId));
    }

    [Test]
    public async Task An_unverified_member_alone_seals_nothing_until_it_is_not_alone()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        FakeDataNode first = cluster.Nodes.All[0], second = cluster.Nodes.All[1];
        first.Stop();
        second.Stop();
        first.Start(clean: false);
        await cluster.WaitAsync(map => map.Nodes[1].State == NodeState.Suspect
            && map.Volumes[0].State == VolumeState.Sealing && !map.Volumes[0].Members[0].Verified);
        int probes = first.Probes;
        await cluster.WaitAsync(() => first.Probes > probes + 3, map => map.Volumes[0].State == VolumeState.Sealing);
        second.Start(clean: true);
        await cluster.WaitUntilWholeAsync();
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task A_key_deleted_while_a_member_was_away_does_not_come_back_with_it()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        await cluster.WriteToAllAsync();
        (VolumeId volume, List<ChunkKey> keys) = cluster.Acknowledged.Single();
        FakeDataNode away = cluster.Nodes.All[0], stays = cluster.Nodes.All[1];
        await cluster.KillAsync(away);
        await cluster.WaitAsync(map => map.Volumes[0].State == VolumeState.Sealed);
        await stays.DeleteAsync(volume, [keys[0]], CancellationToken.None);
        away.Start(clean: false);
        await cluster.WaitUntilWholeAsync();
        Assert.That(away.Chunks(volume).Where(chunk => chunk.Deleted).Select(chunk => chunk.Key), Is.EqualTo(new[] { keys[0] }));
        Assert.That(stays.Chunks(volume).Where(chunk => !chunk.Deleted).Select(chunk => chunk.Key), Is.EqualTo(new[] { keys[1] }));
    }

    [Test]
    public async Task A_chunk_deleted_before_a_restore_of_the_names_stays_where_it_still_is([Values] bool managerRestarts)
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        var names = Guid.NewGuid();
        await cluster.Manager.BindNamespaceAsync(names, 1, CancellationToken.None);
        await cluster.WriteToAllAsync();
        await cluster.WriteToAllAsync();
        (VolumeId volume, List<ChunkKey> keys) = cluster.Acknowledged.Single();
        FakeDataNode away = cluster.Nodes.All[0], stays = cluster.Nodes.All[1];
        await cluster.KillAsync(away);
        await cluster.WaitAsync(map => map.Volumes[0].State == VolumeState.Sealed);
        await stays.DeleteAsync(volume, [keys[0]], CancellationToken.None);

        await cluster.Manager.BindNamespaceAsync(names, 2, CancellationToken.None);
        if (managerRestarts)
        {
            await cluster.StopManagerAsync();
            await cluster.StartManagerAsync();
            await cluster.RegisterAsync(stays);
        }

        away.Start(clean: false);
        await cluster.RegisterAsync(away);
        await cluster.WaitUntilWholeAsync();
        Assert.That(Live(away), Is.EqualTo(keys), "the last copy of what the restored names may want");
        Assert.That(Live(stays), Is.EqualTo(keys.Skip(1)), "a deleted key never returns");
        Assert.That(cluster.Log.Has(3106));

        // What is made afterwards holds no mark that is older than the names.
        ClusterMap map = await cluster.WaitAsync(now => now.Volumes.Any(one => one.Id != volume && one.State == VolumeState.Open));
        ClusterVolume younger = map.Volumes.Single(one => one.Id != volume && one.State == VolumeState.Open);
        Assert.That(cluster.Write(younger));
        ChunkKey key = cluster.Acknowledged[younger.Id].Single();
        await cluster.KillAsync(away);
        await cluster.WaitAsync(now => now.Volumes.Single(one => one.Id == younger.Id).State == VolumeState.Sealed);
        await stays.DeleteAsync(younger.Id, [key], CancellationToken.None);
        away.Start(clean: false);
        await cluster.RegisterAsync(away);
        await cluster.WaitUntilWholeAsync();
        Assert.That(away.Chunks(younger.Id).Single(chunk => chunk.Key == key).Deleted, "this mark spreads");

        IEnumerable<ChunkKey> Live(FakeDataNode node) =>
            node.Chunks(volume).Where(chunk => !chunk.Deleted).Select(chunk => chunk.Key);
    }

    [Test]
    public async Task A_volume_whose_disk_failed_on_one_member_is_sealed_without_it_and_another_takes_its_place()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        cluster.Nodes.All[0].Break(new VolumeId(1));
        ClusterMap map = await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Sealed }, { State: VolumeState.Open }]);
        Assert.That(map.Volumes[0].Members.Select(member => member.Verified), Is.EqualTo(new[] { false, true }));
        await cluster.WriteToAllAsync();
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task A_full_volume_gets_its_successor_before_it_is_sealed()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            node.BytesPerChunk = 1 << 20;
        }

        ClusterMap map = await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Sealed }, _]);
        Assert.That(map.Volumes[1].State, Is.EqualTo(VolumeState.Open));
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task A_sealed_volume_that_compaction_made_small_keeps_what_it_has_and_harms_nothing()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        cluster.Nodes.All.ToList().ForEach(node => node.BytesPerChunk = 1 << 20);
        await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Sealed }, { State: VolumeState.Open }]);
        cluster.Nodes.All.ToList().ForEach(node => node.BytesPerChunk = 1);
        await cluster.WriteToAllAsync();
        await cluster.WaitUntilWholeAsync();
        await cluster.AssertNothingLostAsync();
    }

    [Test]
    public async Task A_replica_that_is_gone_is_made_anew_from_its_peer()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.WriteToAllAsync();
        FakeDataNode emptied = cluster.Nodes.All[0];
        emptied.Forget(new VolumeId(1));
        await cluster.WaitAsync(() => !emptied.Chunks(new VolumeId(1)).IsEmpty, _ => true, "the copy");
        await cluster.WaitUntilWholeAsync();
        await cluster.AssertNothingLostAsync();
        Assert.That(cluster.Log.Has(3102), "the loss is logged");
    }

    [Test]
    public async Task A_node_whose_disk_is_full_does_not_make_volumes_without_end()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(3);
        int refusals = 0;
        cluster.Nodes.All[0].Fault = order =>
        {
            refusals += order == "open" ? 1 : 0;
            return order == "open" ? ChunkStatus.OutOfSpace : null;
        };
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        ClusterMap map = await cluster.WaitAsync(
            () => Volatile.Read(ref refusals) > 10, map => map.Volumes.Any(volume => volume.State == VolumeState.Open));
        Assert.That(map.Volumes, Has.Length.EqualTo(3));
    }

    [Test]
    [CancelAfter(20_000)]
    public async Task While_every_disk_is_full_writers_are_refused_and_when_there_is_room_they_go_on(CancellationToken deadline)
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(2);
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            node.Fault = order => order == "open" ? ChunkStatus.OutOfSpace : null;
        }

        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(
            async () => await cluster.Manager.EnsureWritableAsync(2, deadline)))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.OutOfSpace));
        Assert.That(refusal.Message, Is.EqualTo("No datanode has room for a new volume."));

        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            node.Fault = _ => null;
        }

        await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Open }]);
        await cluster.Manager.EnsureWritableAsync(2, deadline);
    }

    [Test]
    public async Task What_only_a_returning_member_has_stays_there_and_is_not_copied_while_another_is_away()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(3);
        cluster.Options = cluster.Options with { DefaultReplicas = 3 };
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        ClusterVolume open = (await cluster.WaitAsync(map => map.Volumes is [{ State: VolumeState.Open }])).Volumes[0];
        (FakeDataNode returns, FakeDataNode stays, FakeDataNode away) =
            (cluster.Nodes.All[0], cluster.Nodes.All[1], cluster.Nodes.All[2]);
        cluster.Write(open, reaches: node => node == returns.Id);
        await cluster.KillAsync(returns);
        Assert.That(cluster.Write(open), Is.False, "the epoch has ended");
        await cluster.WaitAsync(map => map.Volumes[0].State == VolumeState.Sealed);
        await cluster.KillAsync(away);
        returns.Start(clean: false);
        await cluster.WaitAsync(map => map.Volumes[0].Members[0].Verified);
        Assert.That(returns.Chunks(open.Id), Has.Length.EqualTo(1));
        Assert.That(stays.Chunks(open.Id), Is.Empty);
        Assert.That(cluster.Log.Has(3104), "the surplus is logged");
    }

    [Test]
    public async Task Nothing_acknowledged_is_lost_while_nodes_and_node_managers_come_and_go([Values(1, 2, 3)] int seed)
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        var random = new Random(seed);
        using var end = new CancellationTokenSource();
        ClusterMap seen = await cluster.MapAsync();
        Task writer = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                foreach (ClusterVolume volume in Volatile.Read(ref seen).Volumes.Where(volume => volume.State == VolumeState.Open))
                {
                    cluster.Write(volume);
                }

                await Task.Delay(1); // A pace, so that sets stay small.
            }
        });

        for (int round = 0; round < 15; round++)
        {
            FakeDataNode node = cluster.Nodes.All[random.Next(3)];
            node.Stop();
            if (random.Next(3) == 0)
            {
                await cluster.StopManagerAsync();
                await cluster.StartManagerAsync();
            }

            if (random.Next(2) == 0)
            {
                await cluster.WaitAsync(map => map.Nodes.Single(one => one.Id == node.Id).State == NodeState.Suspect);
            }

            Volatile.Write(ref seen, await cluster.MapAsync()); // Views are old for a while, and writers with them.
            node.Start(clean: random.Next(2) == 0);
            if (random.Next(2) == 0)
            {
                Volatile.Write(ref seen, await cluster.WaitUntilWholeAsync());
            }
        }

        await cluster.WaitUntilWholeAsync();
        await cluster.WaitAsync(map => map.Volumes.Count(volume => volume.State == VolumeState.Open) == 3);
        await end.CancelAsync();
        await writer;
        Assert.That(cluster.Acknowledged, Is.Not.Empty);
        await cluster.AssertNothingLostAsync();
        Assert.That((await cluster.MapAsync()).Volumes, Has.Length.LessThan(20), "volumes are used again while they have room");
    }
}
