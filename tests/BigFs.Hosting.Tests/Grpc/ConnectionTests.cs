using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.FileServer;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.NameServer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

[TestFixture]
internal sealed class ConnectionTests
{
    private static readonly ControlTimeouts Short = new() { Connect = TimeSpan.FromSeconds(1), Operation = TimeSpan.FromSeconds(10) };

    [Test]
    public async Task Calls_go_to_all_instances_in_turn_and_to_the_other_when_one_dies()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int[] calls = new int[2];
        ControlListener first = await cluster.ServeAsync(Counting(calls, 0), "1");
        await cluster.ServeAsync(Counting(calls, 1), "2");
        GrpcFileServer client = cluster.FileClient();

        for (int i = 0; i < 10; i++)
        {
            await client.FindAsync("/a", CancellationToken.None);
        }

        int[] balanced = [.. calls];
        await first.DisposeAsync();
        for (int i = 0; i < 10; i++)
        {
            await client.FindAsync("/a", CancellationToken.None);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(balanced, Is.EqualTo([5, 5]));
            Assert.That(calls, Is.EqualTo([5, 15]));
        }
    }

    [Test]
    public async Task An_instance_that_moves_is_found_again()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(Short);
        int[] calls = new int[2];
        ControlListener before = await cluster.ServeAsync(Counting(calls, 0));
        GrpcFileServer client = cluster.FileClient();
        await client.FindAsync("/a", CancellationToken.None);

        await before.DisposeAsync();
        Task<BigFsEntry?> during = client.FindAsync("/a", CancellationToken.None).AsTask();
        await cluster.ServeAsync(Counting(calls, 1));
        await during;

        Assert.That(calls, Is.EqualTo([1, 1]));
    }

    [Test]
    public async Task A_restarted_name_server_is_found_again_and_its_absence_hides_no_known_role()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int[] calls = new int[1];
        ControlListener role = await cluster.ServeAsync(Counting(calls, 0));
        var names = new Hosting.NameServer.NameServer(TimeProvider.System);
        var service = Protocol.NameServer.BindService(new NameServerService(names));
        ControlListener listener = await cluster.ListenAsync(service);
        await names.RegisterAsync(TestCluster.Instance(ServiceRole.FileServer, role.Endpoint), CancellationToken.None);
        await using var client = new GrpcFileServer(listener.Endpoint, Short, TimeProvider.System);
        await client.FindAsync("/a", CancellationToken.None);

        await listener.DisposeAsync();
        await client.FindAsync("/a", CancellationToken.None);
        await cluster.ListenAsync(service, listener.Endpoint);
        await using var another = new GrpcFileServer(listener.Endpoint, Short, TimeProvider.System);
        await another.FindAsync("/a", CancellationToken.None);
        await using var waits = new GrpcNameServer(listener.Endpoint, cluster.Channels, Short, TimeProvider.System);
        var known = await waits.ResolveAsync(ServiceRole.FileServer, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(calls[0], Is.EqualTo(3));
            Assert.That(known, Has.Length.EqualTo(1));
        }
    }

    [Test]
    public async Task Who_waits_for_roles_reaches_one_that_starts_later()
    {
        int port = FreePort();
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using var client = new GrpcFileServer(
            $"127.0.0.1:{port}", Short with { WaitForRole = true }, TimeProvider.System);
        Task<BigFsEntry?> call = client.FindAsync("/a", CancellationToken.None).AsTask();
        var names = new Hosting.NameServer.NameServer(TimeProvider.System);
        await cluster.ListenAsync(Protocol.NameServer.BindService(new NameServerService(names)), $"127.0.0.1:{port}");
        int[] calls = new int[1];
        ControlListener role = await cluster.ServeAsync(Counting(calls, 0));
        await names.RegisterAsync(TestCluster.Instance(ServiceRole.FileServer, role.Endpoint), CancellationToken.None);

        await call.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.That(calls[0], Is.EqualTo(1));
    }

    [Test]
    public async Task A_refused_connection_to_the_name_server_fails_at_once_and_names_the_address()
    {
        int port = FreePort();
        await using var client = new GrpcFileServer($"127.0.0.1:{port}", new ControlTimeouts(), TimeProvider.System);
        long start = Stopwatch.GetTimestamp();

        BigFsException caught = await ErrorTests.FailAsync(client.FindAsync("/a", CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(caught.Message, Does.Contain($"127.0.0.1:{port}").And.Contain("refused"));
            Assert.That(caught.Endpoint, Is.EqualTo($"127.0.0.1:{port}"));
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1.5)));
        }
    }

    [Test]
    [Platform("Linux")]
    public async Task An_endpoint_that_does_not_answer_the_connection_is_unavailable_after_the_connect_time_out()
    {
        // With its queue full and nobody accepting, Linux drops what else wants to connect.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        using var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(listener.LocalEndPoint!);
        await using var client = new GrpcFileServer(
            $"127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}", Short, TimeProvider.System);
        long start = Stopwatch.GetTimestamp();

        BigFsException caught = await ErrorTests.FailAsync(client.FindAsync("/a", CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(caught.Endpoint, Does.StartWith("127.0.0.1:"));
            Assert.That(Stopwatch.GetElapsedTime(start), Is.InRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(2.5)));
        }
    }

    [Test]
    public async Task An_endpoint_that_takes_the_connection_and_says_nothing_is_unavailable_soon_after()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var client = new GrpcFileServer(listener.LocalEndpoint.ToString()!, Short, TimeProvider.System);
        long start = Stopwatch.GetTimestamp();

        BigFsException caught = await ErrorTests.FailAsync(client.FindAsync("/a", CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(5)));
        }
    }

    [Test]
    public async Task Without_a_file_server_the_error_says_so_after_the_connect_time_out()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(Short);
        long start = Stopwatch.GetTimestamp();

        BigFsException caught = await ErrorTests.FailAsync(cluster.FileClient().FindAsync("/a", CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(caught.Message, Does.Contain("file server"));
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(2)));
        }
    }

    [Test]
    public async Task A_call_past_its_deadline_times_out_and_ends_at_the_role_too()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var (files, begun, ended) = Hanging();
        await cluster.ServeAsync(files);
        await cluster.FileClient().RenewUploadAsync(default, CancellationToken.None);
        await using var hasty = new GrpcFileServer(
            cluster.NameServerEndpoint, Short with { Operation = TimeSpan.FromSeconds(0.5) }, TimeProvider.System);

        BigFsException caught = await ErrorTests.FailAsync(hasty.FindAsync("/a", CancellationToken.None));

        Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.TimedOut));
        await begun.WaitAsync(TimeSpan.FromSeconds(5));
        await ended.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Test]
    public async Task The_callers_own_cancellation_is_no_failure_of_BigFS_and_ends_the_call_at_the_role()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var (files, begun, ended) = Hanging();
        await cluster.ServeAsync(files);
        using var cancel = new CancellationTokenSource();
        Task<BigFsEntry?> call = cluster.FileClient().FindAsync("/a", cancel.Token).AsTask();

        await begun.WaitAsync(TimeSpan.FromSeconds(5));

        await cancel.CancelAsync();

        OperationCanceledException? caught =
            await Assert.CatchAsync<OperationCanceledException>(() => call.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.That(caught!.CancellationToken, Is.EqualTo(cancel.Token));
        await ended.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Test]
    public async Task The_largest_manifest_passes_and_a_larger_message_is_an_error_of_its_own()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int received = 0;
        var files = new Mock<IFileServer>();
        files.Setup(f => f.CommitUploadAsync(It.IsAny<CommitUploadRequest>(), It.IsAny<CancellationToken>()))
            .ReturnsAsync((CommitUploadRequest request, CancellationToken _) =>
            {
                received = request.Manifest.Length;
                return new CommittedFile(new BigFsFile { Path = "/a" }, new NameDurability(BigFsDurability.Flushed, "none"));
            });
        await cluster.ServeAsync(files.Object);
        GrpcFileServer client = cluster.FileClient();
        var chunk = new ChunkReference(new VolumeId(long.MaxValue), new ChunkKey(ulong.MaxValue), Limits.MaxChunkSize, uint.MaxValue);

        await client.CommitUploadAsync(Commit(chunk, Limits.MaxChunksPerFile), CancellationToken.None);
        BigFsException many = await ErrorTests.FailAsync(
            client.CommitUploadAsync(Commit(chunk, Limits.MaxChunksPerFile + 1), CancellationToken.None));
        var listing = new MetadataListRequest { Directory = "/", After = new string('a', ControlLimits.MaxMessageBytes) };
        BigFsException large = await ErrorTests.FailAsync(client.ListAsync(listing, CancellationToken.None));

        Assert.That(
            (received, many.Code, large.Code),
            Is.EqualTo((Limits.MaxChunksPerFile, BigFsErrorCode.LimitExceeded, BigFsErrorCode.LimitExceeded)));
    }

    [Test]
    public async Task A_taken_port_is_named()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using var second = new ControlListener(cluster.NameServerEndpoint, NullLoggerFactory.Instance);

        BigFsException caught = await ErrorTests.FailAsync(second.StartAsync(CancellationToken.None));

        Assert.That(
            (caught.Code, caught.Message.Contains(cluster.NameServerEndpoint)), Is.EqualTo((BigFsErrorCode.AddressInUse, true)));
    }

    [TestCase("0.0.0.0:0")]
    [TestCase("192.0.2.1:7400")]
    [TestCase("[::]:0")]
    [TestCase("example.org:80")]
    [TestCase("127.0.0.1")]
    [TestCase("")]
    public void An_address_beyond_loopback_is_a_wrong_setting(string address)
    {
        BigFsException? caught = Assert.Throws<BigFsException>(() => _ = new ControlListener(address, NullLoggerFactory.Instance));

        Assert.That(caught.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
    }

    [TestCase("localhost:0", "127.0.0.1:")]
    [TestCase("127.0.0.1:0", "127.0.0.1:")]
    public async Task Port_0_gives_a_port_of_its_own(string address, string start)
    {
        await using var listener = new ControlListener(address, NullLoggerFactory.Instance);
        listener.Map(Protocol.FileServer.BindService(new FileServerService(Mock.Of<IFileServer>(), NullLogger<FileServerService>.Instance)));

        await listener.StartAsync(CancellationToken.None);

        Assert.That(listener.Endpoint, Does.StartWith(start).And.Not.EndsWith(":0"));
    }

    internal static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    private static IFileServer Counting(int[] calls, int index)
    {
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Callback(() => Interlocked.Increment(ref calls[index]))
            .ReturnsAsync((BigFsEntry?)null);
        return files.Object;
    }

    private static (IFileServer Files, Task Begun, Task Ended) Hanging()
    {
        var begun = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath _, CancellationToken token) =>
            {
                await using CancellationTokenRegistration end = token.Register(() => ended.TrySetResult());
                begun.TrySetResult();
                await Task.Delay(Timeout.Infinite, token);
                return null;
            });
        return (files.Object, begun.Task, ended.Task);
    }

    private static CommitUploadRequest Commit(ChunkReference chunk, int count) => new()
    {
        Operation = Guid.NewGuid(),
        Session = Guid.NewGuid(),
        Size = 0,
        Crc32C = 0,
        Manifest = [.. Enumerable.Repeat(chunk, count)],
    };
}
