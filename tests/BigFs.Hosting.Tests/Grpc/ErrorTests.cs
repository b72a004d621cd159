using System.Collections.Concurrent;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

[TestFixture]
internal sealed class ErrorTests
{
    [Test]
    public async Task Every_error_of_a_role_reaches_the_caller_as_it_was_thrown_and_is_final(
        [Values] BigFsErrorCode code)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var files = new Mock<IFileServer>();
        var thrown = new BigFsException(code, "Three are up, four are needed: 漢字.") { Path = "/ä/b", Endpoint = "10.0.0.1:1", Attempts = 3 };
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>())).ThrowsAsync(thrown);
        await cluster.ServeAsync(files.Object);

        BigFsException caught = await FailAsync(cluster.FileClient().FindAsync("/a", CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(code));
            Assert.That(caught.Message, Is.EqualTo(thrown.Message));
            Assert.That(caught.Path, Is.EqualTo(thrown.Path));
            Assert.That(caught.Endpoint, Is.EqualTo(thrown.Endpoint));
            Assert.That(caught.Attempts, Is.EqualTo(3));
            Assert.That(WireErrors.StatusOf(code), Is.Not.EqualTo(StatusCode.OK).And.Not.EqualTo(StatusCode.Unknown));
            files.Verify(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()), Times.Once);
        }
    }

    [Test]
    public async Task An_error_without_path_and_endpoint_names_the_endpoint_that_was_asked()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.OutOfSpace, "Full."));
        ControlListener listener = await cluster.ServeAsync(files.Object);

        BigFsException caught = await FailAsync(cluster.FileClient().FindAsync("/a", CancellationToken.None));

        Assert.That((caught.Path, caught.Endpoint), Is.EqualTo(((string?)null, listener.Endpoint)));
    }

    [Test]
    public async Task A_long_message_and_the_longest_path_fit_into_the_trailer()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var files = new Mock<IFileServer>();
        string path = string.Concat(Enumerable.Repeat("/" + new string('漢', 84), 16));
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.NotFound, new string('漢', 100_000)) { Path = path });
        await cluster.ServeAsync(files.Object);

        BigFsException caught = await FailAsync(cluster.FileClient().FindAsync(path, CancellationToken.None));

        Assert.That((caught.Code, caught.Path, caught.Message.Length), Is.EqualTo((BigFsErrorCode.NotFound, path, 2000)));
    }

    [TestCase(true, 1101)]
    [TestCase(false, 1100)]
    public async Task A_fault_inside_a_role_is_logged_there_and_leaks_nothing(bool streamed, int logged)
    {
        var logs = new RecordingLoggerFactory();
        await using TestCluster cluster = await TestCluster.StartAsync(loggerFactory: logs);
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new InvalidOperationException("the secret of the house"));
        files.Setup(f => f.MoveAsync(It.IsAny<MoveRequest>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new InvalidOperationException("the secret of the house"));
        await cluster.ServeAsync(files.Object);
        var move = new MoveRequest { Operation = Guid.NewGuid(), Source = "/a", Destination = "/b" };

        BigFsException caught = streamed
            ? await FailAsync(cluster.FileClient().FindAsync("/a", CancellationToken.None))
            : await FailAsync(cluster.FileClient().MoveAsync(move, CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.Internal));
            Assert.That(caught.ToString(), Does.Not.Contain("secret"));
            Assert.That(logs.Events.Where(e => e.Id == logged).Select(e => e.Error?.Message), Is.EqualTo(["the secret of the house"]));
        }
    }

    [TestCase("relative")]
    [TestCase("/a/../b")]
    [TestCase("/a//b")]
    [TestCase("/a\0b")]
    public async Task A_path_that_breaks_a_rule_is_refused_on_arrival(string path)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        ControlListener listener = await cluster.ServeAsync(new Mock<IFileServer>(MockBehavior.Strict).Object);
        var raw = new Protocol.FileServer.FileServerClient(cluster.Channels.Get(listener.Endpoint));

        RpcException? caught = await Assert.ThrowsAsync<RpcException>(
            async () => await raw.FindAsync(new Protocol.FindRequest { Path = path }));

        Assert.That(WireErrors.Sent(caught!, listener.Endpoint)!.Code, Is.EqualTo(BigFsErrorCode.InvalidPath));
    }

    [Test]
    public async Task Broken_messages_are_refused_on_arrival()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        ControlListener listener = await cluster.ServeAsync(new Mock<IFileServer>(MockBehavior.Strict).Object);
        var raw = new Protocol.FileServer.FileServerClient(cluster.Channels.Get(listener.Endpoint));
        var session = Guid.NewGuid().ToProto();
        Func<Task>[] calls =
        [
            async () => await raw.RenewUploadAsync(new Protocol.RenewUploadRequest()),
            async () => await raw.BeginUploadAsync(new Protocol.BeginUploadRequest()),
            async () => await raw.GrantAsync(new Protocol.GrantRequest { Session = session, Replicas = 2, Count = 65 }),
            async () => await raw.GrantAsync(new Protocol.GrantRequest { Session = session, Replicas = 9, Count = 1 }),
            async () => await raw.ListAsync(new Protocol.ListRequest { Directory = "/", Limit = 10_001 }),
            async () => await raw.ReportAsync(new Protocol.ReplicaFault { Node = session, Status = 99 }),
            async () => await raw.AbortUploadAsync(
                new Protocol.AbortUploadRequest { Session = session, Written = new Protocol.Manifest { Keys = { 1 } } }),
        ];
        foreach (Func<Task> call in calls)
        {
            RpcException? caught = await Assert.ThrowsAsync<RpcException>(() => call());
            Assert.That(WireErrors.Sent(caught!, "")?.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
        }
    }

    [TestCase("192.0.2.1:80", "127.0.0.1:80")]
    [TestCase("127.0.0.1:80", "host.example:80")]
    [TestCase("127.0.0.1:80", "")]
    public async Task A_datanode_at_a_foreign_address_is_not_admitted(string control, string transfer)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(new Mock<INodeManager>(MockBehavior.Strict).Object);
        var report = new NodeReport
        {
            Node = new NodeId(Guid.NewGuid()),
            ClusterId = null,
            Incarnation = 1,
            CleanStart = true,
            ControlEndpoint = control,
            TransferEndpoint = transfer,
            Volumes = [],
        };

        BigFsException caught = await FailAsync(cluster.ManagerClient().RegisterAsync(report, CancellationToken.None));

        Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    [Test]
    public async Task Failures_of_a_datanode_are_values()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(new ControlTimeouts { Operation = TimeSpan.FromSeconds(0.3) });
        var self = new NodeId(Guid.NewGuid());
        var node = new Mock<IDataNode>();
        node.Setup(n => n.ProbeAsync(It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns(async (TimeSpan _, CancellationToken token) =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return null;
            });
        node.Setup(n => n.VerifyAsync(new VolumeId(1), It.IsAny<ChunkKey>(), It.IsAny<CancellationToken>()))
            .Returns(async (VolumeId _, ChunkKey _, CancellationToken token) =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return ChunkStatus.Ok;
            });
        node.Setup(n => n.VerifyAsync(new VolumeId(2), It.IsAny<ChunkKey>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new InvalidOperationException());
        ControlListener listener = await cluster.ServeAsync(self, node.Object);
        IDataNode there = cluster.DataNodes().Get(Node(self, listener.Endpoint));
        IDataNode another = cluster.DataNodes().Get(Node(new NodeId(Guid.NewGuid()), listener.Endpoint));
        IDataNode gone = cluster.DataNodes().Get(Node(self, "127.0.0.1:1"));
        IDataNode nowhere = cluster.DataNodes().Get(Node(self, ""));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await VerifyAsync(there, 1), Is.EqualTo(ChunkStatus.Stalled));
            Assert.That(await VerifyAsync(there, 2), Is.EqualTo(ChunkStatus.Busy));
            Assert.That(await VerifyAsync(another, 3), Is.EqualTo(ChunkStatus.Unreachable), "meant for another node");
            Assert.That(await VerifyAsync(gone, 3), Is.EqualTo(ChunkStatus.Unreachable));
            Assert.That(await VerifyAsync(nowhere, 3), Is.EqualTo(ChunkStatus.Malformed));
            Assert.That((await gone.ListChunksAsync(new VolumeId(1), default, 10, default)).Status, Is.EqualTo(ChunkStatus.Unreachable));
            Assert.That(await there.ProbeAsync(TimeSpan.FromMilliseconds(50), default), Is.Null);
            Assert.That(await gone.ProbeAsync(TimeSpan.FromSeconds(1), default), Is.Null);
            node.Verify(n => n.VerifyAsync(new VolumeId(3), It.IsAny<ChunkKey>(), It.IsAny<CancellationToken>()), Times.Never);
        }
    }

    internal static async Task<BigFsException> FailAsync(Task call)
    {
        try
        {
            await call.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (BigFsException expected)
        {
            return expected;
        }

        throw new AssertionException("The call should have failed.");
    }

    internal static Task<BigFsException> FailAsync<T>(ValueTask<T> call) => FailAsync(call.AsTask());

    private static ValueTask<ChunkStatus> VerifyAsync(IDataNode node, long volume) =>
        node.VerifyAsync(new VolumeId(volume), new ChunkKey(1), CancellationToken.None);

    private static ClusterNode Node(NodeId id, string endpoint) =>
        new() { Id = id, ControlEndpoint = endpoint, TransferEndpoint = "", State = NodeState.Up };
}

/// <summary>Keeps log events for assertions.</summary>
internal sealed class RecordingLoggerFactory : ILoggerFactory, ILogger
{
    public ConcurrentQueue<(int Id, LogLevel Level, Exception? Error)> Events { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Events.Enqueue((eventId.Id, logLevel, exception));

    public void Dispose()
    {
    }
}
