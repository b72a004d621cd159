using System.Reflection;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.NameServer;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

[TestFixture]
internal sealed class RoundTripTests
{
    private const int Rounds = 24;

    private static readonly NodeId Self = new(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));

    public static IEnumerable<TestCaseData> Operations() =>
        from seam in new[]
        {
            typeof(INameServer), typeof(IFileServer), typeof(IMetadataStore), typeof(INodeManager), typeof(IDataNode),
        }
        from method in seam.GetMethods()
        where !method.ReturnType.Name.StartsWith("IAsyncEnumerable", StringComparison.Ordinal)
        select new TestCaseData(method).SetArgDisplayNames($"{seam.Name}.{method.Name}");

    [TestCaseSource(nameof(Operations))]
    public async Task Every_operation_carries_every_field_there_and_back(MethodInfo operation)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        (object client, SeamRecorder role) = await ServeAsync(cluster, operation.DeclaringType!);
        var context = new NullabilityInfoContext();
        for (int seed = 0; seed < Rounds; seed++)
        {
            var samples = new Samples(seed);
            object?[] arguments = [.. operation.GetParameters()[..^1].Select(parameter => operation.Name == "ProbeAsync"
                ? TimeSpan.FromSeconds(30)
                : samples.Create(parameter.ParameterType, context.Create(parameter), parameter.Name!))];
            object? answer = SeamRecorder.ResultOf(operation) is { } type
                ? samples.Create(type, context.Create(operation.ReturnParameter).GenericTypeArguments[0], "")
                : null;
            answer = answer is NodeReport report ? report with { Node = Self } : answer;
            role.Answer = _ => answer;

            object? received = await CallAsync(client, operation, arguments);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(role.Called, Is.EqualTo(operation), $"seed {seed}");
                Assert.That(Samples.Dump(received), Is.EqualTo(Samples.Dump(answer)), $"the answer, seed {seed}");
                if (operation.Name == "ProbeAsync")
                {
                    Assert.That(role.Arguments[0], Is.InRange(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30)));
                }
                else
                {
                    Assert.That(
                        Samples.Dump(role.Arguments), Is.EqualTo(Samples.Dump(arguments)), $"the request, seed {seed}");
                }
            }
        }
    }

    [Test]
    public void The_samples_reach_both_absent_and_present_values()
    {
        MethodInfo find = typeof(IFileServer).GetMethod(nameof(IFileServer.FindAsync))!;
        NullabilityInfo answer = new NullabilityInfoContext().Create(find.ReturnParameter).GenericTypeArguments[0];
        object?[] seen = [.. Enumerable.Range(0, Rounds).Select(seed => new Samples(seed).Create(typeof(BigFsEntry), answer, ""))];

        Assert.That(seen, Has.Some.Null.And.Some.InstanceOf<BigFsFile>().And.Some.InstanceOf<BigFsDirectory>());
    }

    private static async Task<(object Client, SeamRecorder Role)> ServeAsync(TestCluster cluster, Type seam)
    {
        switch (seam.Name)
        {
            case nameof(INameServer):
                var (names, nameRole) = SeamRecorder.Create<INameServer>();
                ControlListener listener =
                    await cluster.ListenAsync(Protocol.NameServer.BindService(new NameServerService(names)));
                return (cluster.Own(new Internal.Grpc.GrpcNameServer(
                    listener.Endpoint, cluster.Channels, cluster.Timeouts, TimeProvider.System)), nameRole);
            case nameof(IFileServer):
                var (files, fileRole) = SeamRecorder.Create<IFileServer>();
                await cluster.ServeAsync(files);
                return (cluster.FileClient(), fileRole);
            case nameof(IMetadataStore):
                var (store, storeRole) = SeamRecorder.Create<IMetadataStore>();
                await cluster.ServeAsync(store);
                return (cluster.MetadataClient(), storeRole);
            case nameof(INodeManager):
                var (manager, managerRole) = SeamRecorder.Create<INodeManager>();
                await cluster.ServeAsync(manager);
                return (cluster.ManagerClient(), managerRole);
            default:
                var (node, nodeRole) = SeamRecorder.Create<IDataNode>();
                ControlListener at = await cluster.ServeAsync(Self, node);
                return (cluster.DataNodes().Get(Node(at.Endpoint)), nodeRole);
        }
    }

    private static ClusterNode Node(string endpoint) => new()
    {
        Id = Self,
        ControlEndpoint = endpoint,
        TransferEndpoint = "",
        State = NodeState.Up,
    };

    private static async Task<object?> CallAsync(object client, MethodInfo operation, object?[] arguments)
    {
        object task = operation.Invoke(client, [.. arguments, CancellationToken.None])!;
        if (task is ValueTask plain)
        {
            await plain;
            return null;
        }

        var typed = (Task)task.GetType().GetMethod(nameof(ValueTask<int>.AsTask))!.Invoke(task, null)!;
        await typed;
        return typed.GetType().GetProperty(nameof(Task<int>.Result))!.GetValue(typed);
    }
}
