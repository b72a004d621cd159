using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>What a cluster says of its datanodes and roles, and to whom.</summary>
public sealed class ClusterNodeTests
{
    private string _data = "";

    [SetUp]
    public void MakeFolder() => _data = Directory.CreateTempSubdirectory("bigfs-nodes-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_data, recursive: true);

    [Test]
    public async Task A_datanode_whose_start_fails_is_stopped_again_and_starts_once_its_folder_is_right()
    {
        string other = Path.Combine(_data, "other"), aside = Path.Combine(_data, "aside");
        await using (await BigFsCluster.StartAsync(new BigFsClusterOptions { DataDirectory = other }))
        {
        }

        await using BigFsCluster cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { DataDirectory = Path.Combine(_data, "own") });
        BigFsClusterNode node = cluster.Nodes[1];
        string id = node.Id;
        await cluster.StopNodeAsync(node);
        Directory.Move(node.DataDirectory, aside);
        Directory.Move(Path.Combine(other, "datanode-2"), node.DataDirectory);

        Assert.That(
            () => cluster.StartNodeAsync(node),
            Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.WrongCluster));
        Assert.That(node.IsRunning, Is.False);

        Directory.Delete(node.DataDirectory, recursive: true);
        Directory.Move(aside, node.DataDirectory);
        await cluster.StartNodeAsync(node);
        Assert.That((node.IsRunning, node.Id), Is.EqualTo((true, id)));
    }

    [Test]
    public async Task A_datanode_of_another_cluster_is_an_argument_error()
    {
        await using BigFsCluster one = await BigFsCluster.StartAsync(new BigFsClusterOptions { InMemory = true });
        await using BigFsCluster other = await BigFsCluster.StartAsync(new BigFsClusterOptions { InMemory = true });

        Assert.That(() => one.StopNodeAsync(other.Nodes[0]), Throws.ArgumentException);
        Assert.That(() => one.StartNodeAsync(other.Nodes[0]), Throws.ArgumentException);
        Assert.That(other.Nodes[0].IsRunning, Is.True);
    }

    [Test]
    public async Task Roles_are_named_with_their_endpoint_where_they_listen([Values] bool listen)
    {
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { InMemory = true, Listen = listen });

        string[] ids = [.. cluster.Roles.Where(role => role.Role != "datanode").Select(role => role.Id)];
        Assert.That(ids, Is.EquivalentTo(listen
            ? new[] { $"name-server@{cluster.Endpoint!.Authority}", "metadata-server", "node-manager", $"file-server@{cluster.Endpoint.Authority}" }
            : new[] { "metadata-server", "node-manager", "file-server" }));
    }

    [Test]
    public async Task The_client_logs_where_the_cluster_does()
    {
        using var log = new RecordedLog();
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { InMemory = true, LoggerFactory = log });

        Assert.That(log.Categories, Does.Contain(typeof(BigFsClient).FullName));
    }
}
