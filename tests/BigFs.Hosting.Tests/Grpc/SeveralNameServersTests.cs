using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.Messaging;
using BigFs.Hosting.NameServer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;
using Names = BigFs.Hosting.NameServer.NameServer;

namespace BigFs.Hosting.Tests.Grpc;

[TestFixture]
internal sealed class SeveralNameServersTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Test]
    public async Task A_client_of_two_name_servers_goes_on_with_the_other_and_hears_there_of_new_instances()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var second = new Names(TimeProvider.System) { Lease = TimeSpan.FromMinutes(1) };
        ControlListener first = await ServeNamesAsync(cluster, cluster.Names);
        ControlListener other = await ServeNamesAsync(cluster, second);
        await using var client = new GrpcFileServer(
            $"{first.Endpoint},{other.Endpoint}", new ControlTimeouts { Connect = TimeSpan.FromSeconds(2) }, TimeProvider.System);
        int[] calls = new int[2];
        ControlListener one = await cluster.ServeAsync(Counting(calls, 0), "1");
        await second.RegisterAsync(TestCluster.Instance(ServiceRole.FileServer, one.Endpoint, "1"), default);
        await client.FindAsync("/a", default);

        await first.DisposeAsync();
        await client.FindAsync("/a", default);
        ControlListener two = await cluster.ServeAsync(Counting(calls, 1), "2");
        await second.RegisterAsync(TestCluster.Instance(ServiceRole.FileServer, two.Endpoint, "2"), default);
        await TrueAsync(async () =>
        {
            await client.FindAsync("/a", default);
            return Volatile.Read(ref calls[1]) > 0;
        });
    }

    [Test]
    public async Task A_client_reaches_the_cluster_when_one_of_its_name_servers_is_down([Values] bool isFirstDown)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int[] calls = new int[1];
        await cluster.ServeAsync(Counting(calls, 0));
        string down = $"127.0.0.1:{ConnectionTests.FreePort()}";
        await using var client = new GrpcFileServer(
            isFirstDown ? $"{down},{cluster.NameServerEndpoint}" : $"{cluster.NameServerEndpoint},{down}",
            new ControlTimeouts(),
            TimeProvider.System);

        await client.FindAsync("/a", default);

        Assert.That(calls[0], Is.EqualTo(1));
    }

    [Test]
    public async Task The_less_loaded_instance_gets_the_calls_while_the_other_one_hangs()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int[] calls = new int[2];
        var release = new TaskCompletionSource();
        var slow = new Mock<IFileServer>();
        slow.Setup(f => f.RenewUploadAsync(It.IsAny<Guid>(), It.IsAny<CancellationToken>()))
            .Callback(() => Interlocked.Increment(ref calls[1])).Returns(() => new ValueTask(release.Task));
        var quick = new Mock<IFileServer>();
        quick.Setup(f => f.RenewUploadAsync(It.IsAny<Guid>(), It.IsAny<CancellationToken>()))
            .Callback(() => Interlocked.Increment(ref calls[0])).Returns(ValueTask.CompletedTask);
        await cluster.ServeAsync(slow.Object, "slow");
        await cluster.ServeAsync(quick.Object, "quick");
        GrpcFileServer client = cluster.FileClient();
        List<Task> begun = [];
        await TrueAsync(async () =>
        {
            begun.Add(client.RenewUploadAsync(Guid.NewGuid(), default).AsTask());
            await Task.WhenAny(begun[^1], Task.Delay(20));
            return Volatile.Read(ref calls[1]) > 0;
        });

        int before = calls[0];
        for (int i = 0; i < 20; i++)
        {
            await client.RenewUploadAsync(Guid.NewGuid(), default).AsTask().WaitAsync(Limit);
        }

        int after = calls[0];
        release.SetResult();
        await Task.WhenAll(begun).WaitAsync(Limit);
        Assert.That(after - before, Is.EqualTo(20));
    }

    [Test]
    public async Task Events_come_over_whichever_relay_is_there()
    {
        var first = new InProcessClusterBus(NullLogger.Instance);
        var second = new InProcessClusterBus(NullLogger.Instance);
        var joined = new JoinedClusterBus(first, second);
        using var cancel = new CancellationTokenSource();
        await using IAsyncEnumerator<ClusterEvent> events =
            joined.SubscribeAsync(ClusterTopic.ClusterUpdates, cancel.Token).GetAsyncEnumerator();
        Task<bool> next = events.MoveNextAsync().AsTask();
        var message = new ClusterMapChanged { Version = 7 };
        await second.PublishAsync(message, default);
        await next.WaitAsync(Limit);
        ClusterEvent fromSecond = events.Current;
        await joined.PublishAsync(message with { Version = 8 }, default);
        List<long> versions = [];
        for (int i = 0; i < 2; i++)
        {
            await events.MoveNextAsync().AsTask().WaitAsync(Limit);
            versions.Add(((ClusterMapChanged)events.Current).Version);
        }

        next = events.MoveNextAsync().AsTask();
        await cancel.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => next.WaitAsync(Limit));
        Assert.That(fromSecond, Is.EqualTo(message));
        Assert.That(versions, Is.EqualTo([8L, 8L]));
    }

    private static Task<ControlListener> ServeNamesAsync(TestCluster cluster, INameServer names) =>
        cluster.ListenAsync(Protocol.NameServer.BindService(new NameServerService(names)));

    private static IFileServer Counting(int[] calls, int index)
    {
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Callback(() => Interlocked.Increment(ref calls[index]))
            .ReturnsAsync((BigFsEntry?)null);
        return files.Object;
    }

    private static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
