using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NodeManager;

public sealed class CrashTests
{
    [Test]
    public async Task A_node_manager_that_ends_before_any_of_its_steps_is_followed_by_one_that_finishes_them()
    {
        int step = 0;
        bool hasCrashed;
        do
        {
            hasCrashed = await CrashBeforeAsync(++step);
        }
        while (hasCrashed);

        await TestContext.Out.WriteLineAsync($"{step - 1} steps");
        Assert.That(step, Is.GreaterThan(20), "the way through death and return has at least so many steps");
    }

    /// <summary>A node dies with a chunk in flight and returns uncleanly; false when all was done before the step.</summary>
    private static async Task<bool> CrashBeforeAsync(int step)
    {
        await using ManagerCluster cluster = await ManagerCluster.CreateAsync(3);
        cluster.Options = cluster.Options with
        {
            HeartbeatInterval = TimeSpan.FromMilliseconds(3),
            SuspectAfter = TimeSpan.FromMilliseconds(12),
            MaxVolumeJobs = 1,
        };
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        ClusterMap begun = await cluster.WaitAsync(map => map.Volumes.Count(volume => volume.State == VolumeState.Open) == 3);
        await cluster.WriteToAllAsync();
        FakeDataNode dead = cluster.Nodes.All[0];
        foreach (ClusterVolume volume in begun.Volumes)
        {
            cluster.Write(volume, reaches: node => node == dead.Id);
            cluster.Write(volume, reaches: node => node != dead.Id);
        }

        await cluster.StopManagerAsync();
        dead.Stop();

        // The one that crashes.
        var plan = new CrashPlan(step);
        await cluster.StartManagerAsync(plan.Wrap(cluster.Store), plan.Wrap(cluster.Nodes));
        await ReachAsync(cluster, plan, map => map.Volumes.Count(volume => volume.State == VolumeState.Sealed) == 2);
        dead.Start(clean: false);
        await ReachAsync(cluster, plan, IsDone);
        ClusterMap left = await cluster.MapAsync();
        bool hasCrashed = plan.HasCrashed;
        await cluster.StopManagerAsync();

        // The one that follows.
        await cluster.StartManagerAsync();
        ClusterMap after = await cluster.WaitAsync(IsDone, $"the end after a crash before step {step}");
        Assert.That(after.Version, Is.GreaterThan(left.Version));
        foreach ((ClusterVolume before, ClusterVolume now) in left.Volumes.Zip(after.Volumes))
        {
            Assert.That(now.Epoch, Is.GreaterThanOrEqualTo(before.Epoch), $"epochs only grow (step {step})");
        }

        await cluster.AssertNothingLostAsync();
        Assert.That(after.Volumes, Has.Length.EqualTo(3), $"no volumes pile up (step {step})");
        return hasCrashed;
    }

    private static Task ReachAsync(ManagerCluster cluster, CrashPlan plan, Func<ClusterMap, bool> condition) =>
        cluster.WaitAsync(map => plan.HasCrashed || condition(map));

    private static bool IsDone(ClusterMap map) =>
        ManagerCluster.IsWhole(map) && map.Volumes.Count(volume => volume.State == VolumeState.Open) == 3;
}
