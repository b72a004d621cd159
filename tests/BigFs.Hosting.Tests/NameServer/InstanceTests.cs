using BigFs.Core.Control;
using BigFs.Hosting.Tests.Grpc;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NameServer;

[TestFixture]
internal sealed class InstanceTests
{
    [Test]
    public async Task A_process_is_local_when_the_lease_names_this_running_system()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await RegisterAsync(cluster, RoleNames.Instance(ServiceRole.FileServer, "a-here", "127.0.0.1:1"));
        await RegisterAsync(cluster, TestCluster.Instance(ServiceRole.FileServer, "127.0.0.1:1", "b-older"));
        await RegisterAsync(cluster, TestCluster.Instance(ServiceRole.FileServer, "127.0.0.1:1", "c-elsewhere") with
        {
            ProcessId = Environment.ProcessId,
            Host = HostIdentity.OfThisProcess + "2",
        });
        await RegisterAsync(cluster, TestCluster.Instance(ServiceRole.FileServer, "127.0.0.1:1", "d-hidden") with
        {
            ProcessId = Environment.ProcessId,
        });

        IReadOnlyList<BigFsInstance> found = await BigFsInstance.ListAsync(new Uri("bigfs://" + cluster.NameServerEndpoint));

        int? here = OperatingSystem.IsLinux() ? Environment.ProcessId : null;
        Assert.That(found.Select(one => (one.Role, one.Id, one.LocalProcessId)), Is.EqualTo(new[]
        {
            (BigFsRoleNames.FileServer, "a-here", here),
            (BigFsRoleNames.FileServer, "b-older", null),
            (BigFsRoleNames.FileServer, "c-elsewhere", null),
            (BigFsRoleNames.FileServer, "d-hidden", null),
        }));
    }

    [Test]
    public async Task All_roles_are_listed()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        foreach (ServiceRole role in Enum.GetValues<ServiceRole>())
        {
            await RegisterAsync(cluster, TestCluster.Instance(role, "127.0.0.1:1"));
        }

        IReadOnlyList<BigFsInstance> found = await BigFsInstance.ListAsync(new Uri("bigfs://" + cluster.NameServerEndpoint));

        Assert.That(found.Select(one => one.Role), Is.EqualTo(BigFsRoleNames.All));
    }

    private static async Task RegisterAsync(TestCluster cluster, ServiceInstance instance) =>
        await cluster.Names.RegisterAsync(instance, default);
}
