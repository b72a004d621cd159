using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using BigFs.Hosting.NodeManager;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

public sealed class LivenessTests
{
    [Test]
    public async Task A_bus_that_is_silent_for_everybody_makes_nobody_suspect()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        long version = (await cluster.MapAsync()).Version;
        int[] before = [.. cluster.Nodes.All.Select(node => node.Probes)];
        await cluster.WaitAsync(
            () => cluster.Nodes.All.Select((node, i) => node.Probes - before[i]).All(probes => probes >= 5), _ => true);
        Assert.That((await cluster.MapAsync()).Version, Is.EqualTo(version), "nothing changed");
    }

    [Test]
    public async Task A_dead_node_is_found_by_its_silence_alone()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        FakeDataNode dead = cluster.Nodes.All[0];
        dead.Stop();
        ClusterMap map = await cluster.WaitAsync(map => map.Nodes[0].State == NodeState.Suspect);
        Assert.That(map.Nodes.Skip(1).Select(node => node.State), Is.All.EqualTo(NodeState.Up));
    }

    [Test]
    public async Task The_silence_of_all_is_told_as_the_buses_and_so_is_its_end()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        await cluster.WaitAsync(() => cluster.Log.Has(3017), _ => true, "the word of the silent bus");

        long sequence = 0;
        await cluster.WaitAsync(
            () =>
            {
                sequence++;
                foreach (FakeDataNode node in cluster.Nodes.All)
                {
                    _ = cluster.Bus.PublishAsync(Heartbeat(node, sequence), CancellationToken.None);
                }

                return cluster.Log.Has(3018);
            },
            map => map.Nodes.All(node => node.State == NodeState.Up),
            "the word of its return");
    }

    [Test]
    public async Task A_node_that_is_away_for_long_is_dead_and_up_again_when_it_answers()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(nodes: 3);
        cluster.Options = cluster.Options with { DeadAfter = TimeSpan.FromMilliseconds(300) };
        await cluster.StartManagerAsync();
        foreach (FakeDataNode one in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(one);
        }

        FakeDataNode node = cluster.Nodes.All[0];
        node.Stop();
        await cluster.WaitAsync(map => map.Nodes[0].State == NodeState.Suspect);
        ClusterMap map = await cluster.WaitAsync(map => map.Nodes[0].State == NodeState.Dead);
        Assert.That(map.Nodes.Skip(1).Select(one => one.State), Is.All.EqualTo(NodeState.Up));

        node.Start(clean: true);
        await cluster.WaitAsync(map => map.Nodes[0].State == NodeState.Up);
    }

    [Test]
    public async Task Doubled_and_late_heartbeats_do_not_hide_that_a_node_is_gone()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        FakeDataNode node = cluster.Nodes.All[0];
        for (long sequence = 1; sequence <= 20; sequence++)
        {
            await cluster.Bus.PublishAsync(Heartbeat(node, sequence), CancellationToken.None);
        }

        node.Stop();
        var random = new Random(20260131);
        await cluster.WaitAsync(
            () =>
            {
                _ = cluster.Bus.PublishAsync(Heartbeat(node, random.Next(1, 21)), CancellationToken.None);
                return true;
            },
            map => map.Nodes[0].State == NodeState.Suspect);
    }

    [Test]
    public async Task A_clients_word_alone_makes_nobody_suspect()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        FakeDataNode accused = cluster.Nodes.All[1];
        int before = accused.Probes;
        long version = (await cluster.MapAsync()).Version;
        await cluster.Manager.ReportAsync(
            new ReplicaFault(new VolumeId(1), null, accused.Id, ChunkStatus.Unreachable), CancellationToken.None);
        await cluster.WaitAsync(() => accused.Probes > before, _ => true, "a probe");
        Assert.That((await cluster.MapAsync()).Version, Is.EqualTo(version));
    }

    [Test]
    public async Task A_heartbeat_of_an_unknown_start_leads_to_a_probe_that_counts_as_registration()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(1);
        await cluster.StartManagerAsync();
        FakeDataNode node = cluster.Nodes.All[0];
        await cluster.WaitAsync(
            () =>
            {
                _ = cluster.Bus.PublishAsync(Heartbeat(node, 1), CancellationToken.None);
                return true;
            },
            map => map.Nodes is [{ State: NodeState.Up }]);
    }

    [Test]
    public async Task A_second_process_with_the_id_of_a_living_node_is_refused()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        NodeReport second = cluster.Nodes.All[0].Report() with { Incarnation = 77, ControlEndpoint = "127.0.0.1:2" };
        cluster.Nodes.Elsewhere["127.0.0.1:2"] = cluster.Nodes.All[0];
        BigFsException? refused = await Assert.ThrowsAsync<BigFsException>(
            async () => await cluster.Manager.RegisterAsync(second, CancellationToken.None));
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.DataInUse));
        Assert.That((await cluster.MapAsync()).Nodes[0].State, Is.EqualTo(NodeState.Up));
    }

    [Test]
    public async Task A_node_of_another_cluster_is_refused_and_both_ids_are_named()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        var other = Guid.NewGuid();
        BigFsException? refused = await Assert.ThrowsAsync<BigFsException>(async () => await cluster.Manager.RegisterAsync(
            cluster.Nodes.All[0].Report() with { ClusterId = other }, CancellationToken.None));
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.WrongCluster));
        Assert.That(refused!.Message, Does.Contain(other.ToString("N")));
        Assert.That(refused!.Message, Does.Contain((await cluster.MapAsync()).ClusterId.ToString("N")));
    }

    [Test]
    public async Task Another_node_that_took_over_an_endpoint_is_no_sign_of_life()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(2);
        await cluster.StartManagerAsync();
        FakeDataNode dead = cluster.Nodes.All[0];
        await cluster.Manager.RegisterAsync(dead.Report() with { ControlEndpoint = "127.0.0.1:3" }, CancellationToken.None);
        cluster.Nodes.Elsewhere["127.0.0.1:3"] = cluster.Nodes.All[1];
        await cluster.WaitAsync(map => map.Nodes[0].State == NodeState.Suspect);
    }

    [Test]
    public async Task A_write_with_too_few_nodes_is_refused_at_once_with_the_numbers()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        await cluster.KillAsync(cluster.Nodes.All[2]);
        BigFsException? refused = await Assert.ThrowsAsync<BigFsException>(
            async () => await cluster.Manager.EnsureWritableAsync(3, CancellationToken.None));
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.NotEnoughNodes));
        Assert.That(refused!.Message, Is.EqualTo("2 datanodes are up, 3 are needed for 3 replicas."));
    }

    [Test]
    public async Task Volumes_for_another_number_of_replicas_are_opened_when_they_are_asked_for()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        ClusterMap map = await cluster.Manager.EnsureWritableAsync(3, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(map.Volumes.Count(volume => volume.State == VolumeState.Open && volume.Members.Length == 3), Is.EqualTo(1));
        Assert.That(await cluster.Manager.GetMapAsync(map.Version, CancellationToken.None), Is.Null);
    }

    [Test]
    public async Task A_caller_that_waits_for_a_volume_is_told_when_the_node_manager_stops()
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(2);
        cluster.Nodes.All[0].Fault = order => order == "open" ? ChunkStatus.Busy : null;
        await cluster.StartManagerAsync();
        await cluster.RegisterAsync(cluster.Nodes.All[0]);
        await cluster.RegisterAsync(cluster.Nodes.All[1]);
        Task<ClusterMap> waiting = cluster.Manager.EnsureWritableAsync(2, CancellationToken.None).AsTask();
        await cluster.StopManagerAsync();
        BigFsException? told = await Assert.ThrowsAsync<BigFsException>(() => waiting);
        Assert.That(told!.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
    }

    [Test]
    public async Task Damage_is_logged_when_the_node_confirms_it()
    {
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 3, openVolumes: 3);
        cluster.Nodes.All[0].Fault = order => order == "verify" ? ChunkStatus.Damaged : null;
        await cluster.Manager.ReportAsync(
            new ReplicaFault(new VolumeId(1), new ChunkKey(5), cluster.Nodes.All[0].Id, ChunkStatus.Damaged),
            CancellationToken.None);
        await cluster.WaitAsync(() => cluster.Log.Has(3014), _ => true, "the event");
    }

    [Test]
    public void A_wrong_setting_is_named()
    {
        BigFsException? wrong = Assert.Throws<BigFsException>(
            () => new NodeManagerOptions { SuspectAfter = TimeSpan.FromMilliseconds(1) }.Validate());
        Assert.That(wrong!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(wrong.Message, Does.Contain(nameof(NodeManagerOptions.SuspectAfter)));
    }

    private static DataNodeHeartbeat Heartbeat(FakeDataNode node, long sequence) => new()
    {
        Node = node.Id,
        Incarnation = node.Incarnation,
        Sequence = sequence,
        ControlEndpoint = "",
    };
}
