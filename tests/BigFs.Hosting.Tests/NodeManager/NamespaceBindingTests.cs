using BigFs.Core.Replication;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>A cluster's names are in one database, for good.</summary>
[TestFixture]
internal sealed class NamespaceBindingTests
{
    [Test]
    public async Task The_first_namespace_is_bound_and_another_one_is_refused_over_restarts_too()
    {
        var first = Guid.NewGuid();
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(0);
        await cluster.StartManagerAsync();

        await cluster.Manager.BindNamespaceAsync(first, 1, default);
        await cluster.Manager.BindNamespaceAsync(first, 1, default);
        await ExpectRefusalAsync(cluster, first);

        await cluster.StopManagerAsync();
        await cluster.StartManagerAsync();
        await ExpectRefusalAsync(cluster, first);
        await cluster.Manager.BindNamespaceAsync(first, 1, default);
        VolumeMapContents contents = await cluster.Store.BeginTermAsync(default);
        Assert.That(contents.Namespace, Is.EqualTo(first));
    }

    [Test]
    public async Task A_generation_only_grows_and_counts_the_volumes_that_there_are_as_older()
    {
        var names = Guid.NewGuid();
        await using ManagerCluster cluster = await ManagerCluster.StartAsync(nodes: 2, openVolumes: 1);
        await cluster.Manager.BindNamespaceAsync(names, 1, default);
        await cluster.Manager.BindNamespaceAsync(names, 3, default);
        await cluster.Manager.BindNamespaceAsync(names, 2, default);
        await cluster.StopManagerAsync();
        Assert.That((await cluster.Store.BeginTermAsync(default)).Generation, Is.EqualTo(new MapGeneration(3, 1)));
    }

    private static async Task ExpectRefusalAsync(ManagerCluster cluster, Guid bound)
    {
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(
            () => cluster.Manager.BindNamespaceAsync(Guid.NewGuid(), 1, default).AsTask()))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.WrongCluster));
        Assert.That(refusal.Message, Does.Contain(bound.ToString("N")));
    }
}
