using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Grpc;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Diagnostics;

[TestFixture]
internal sealed class ClusterStatusTests
{
    private static readonly BigFsNameServerStatus Well = new() { Endpoint = "a:1", Failure = "", Leases = 5 };

    [Test]
    public void A_whole_cluster_has_no_problems()
    {
        BigFsClusterStatus status = BigFsClusterStatus.Make([Well], [.. AllRoles()], Map(3, NodeState.Up), "");

        Assert.That(status.Problems, Is.Empty);
        Assert.That((status.Nodes.Count, status.Volumes["Open"], status.Nodes[0].Volumes), Is.EqualTo((3, 1, 1)));
    }

    [Test]
    public void Each_thing_that_is_wrong_is_a_sentence()
    {
        ClusterMap map = Map(2, NodeState.Suspect);
        map = map with
        {
            Volumes = [map.Volumes[0] with { State = VolumeState.Sealed, Members = [new VolumeMember(map.Nodes[0].Id, false)] }],
        };
        BigFsClusterStatus status = BigFsClusterStatus.Make(
            [Well, Well with { Endpoint = "b:1", Failure = "refused" }],
            [.. AllRoles().Where(one => one.Role != ServiceRole.FileServer).Append(AllRoles().First() with { Id = "new", Version = "2" })],
            map,
            "");

        Assert.That(string.Join('\n', status.Problems), Does.Contain("b:1 does not answer").And.Contain("No file-server").And.Contain("Several versions")
            .And.Contain("is suspect").And.Contain("nothing can be written").And.Contain("1 volumes have a member"));
    }

    [Test]
    public async Task A_cluster_of_processes_tells_its_state_and_a_name_server_that_is_away_is_no_failure()
    {
        using var folder = new Persistence.TemporaryDirectory();
        await using BigFsRoleHost host = await BigFsRoleHost.StartAsync(
            new BigFsRoleHostOptions { Roles = [.. BigFsRoleNames.All.SkipLast(1)], DataDirectory = folder.Path, Replicas = 1 });
        Uri endpoint = BigFsEndpoint.Parse($"bigfs://{host.Roles[0].Endpoint},127.0.0.1:{ConnectionTests.FreePort()}");

        BigFsClusterStatus status = await BigFsClusterStatus.ReadAsync(new BigFsClientOptions { Endpoint = endpoint });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(status.Instances.Select(one => one.Role), Is.EqualTo(BigFsRoleNames.All.SkipLast(1)));
            Assert.That(status.Instances.Select(one => one.Version), Is.All.Not.Empty);
            Assert.That(status.Nodes.Select(one => one.State), Is.EqualTo(["Up"]));
            Assert.That(status.NameServers.Select(one => one.Failure.Length > 0), Is.EqualTo([false, true]));
            Assert.That(status.Problems, Has.Some.Contain("does not answer"));
            Assert.That((await host.CheckAsync()).Select(one => one.IsReady), Is.All.True);
        }
    }

    private static IEnumerable<ServiceInstance> AllRoles() => Enum.GetValues<ServiceRole>().Select(
        role => new ServiceInstance { Role = role, Id = $"{role}", Endpoint = "a:1", Version = "1" });

    private static ClusterMap Map(int nodes, NodeState last)
    {
        ClusterNode[] all = [.. Enumerable.Range(1, nodes).Select(i => new ClusterNode
        {
            Id = new NodeId(new Guid(i, 0, 0, new byte[8])),
            TransferEndpoint = $"t:{i}",
            ControlEndpoint = $"c:{i}",
            State = i == nodes ? last : NodeState.Up,
        })];
        return new ClusterMap
        {
            ClusterId = Guid.NewGuid(),
            Version = 1,
            DefaultReplicas = 2,
            Nodes = [.. all],
            Volumes =
            [
                new ClusterVolume
                {
                    Id = new VolumeId(1),
                    Epoch = 1,
                    State = VolumeState.Open,
                    Members = [new VolumeMember(all[0].Id, true), new VolumeMember(all[1].Id, true)],
                },
            ],
        };
    }
}
