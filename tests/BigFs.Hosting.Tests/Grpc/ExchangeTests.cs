using System.Collections.Concurrent;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

/// <summary>The hot operations, on the stream that all callers of a process share.</summary>
[TestFixture]
internal sealed class ExchangeTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Test]
    public async Task Answers_come_when_they_are_ready_whatever_was_asked_before()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var slow = new TaskCompletionSource<BigFsEntry?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await cluster.ServeAsync(Files((path, _) => path.Name == "slow" ? slow.Task : Task.FromResult<BigFsEntry?>(null)));
        GrpcFileServer client = cluster.FileClient();

        Task<BigFsEntry?> first = client.FindAsync("/slow", None).AsTask();
        Assert.That(await client.FindAsync("/fast", None), Is.Null);
        Assert.That(first.IsCompleted, Is.False);
        slow.SetResult(new BigFsDirectory { Path = "/slow" });

        Assert.That((await first)!.Path, Is.EqualTo((BigFsPath)"/slow"));
    }

    [Test]
    public async Task Many_callers_each_get_their_own_answer_over_one_stream()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(Files(async (path, _) =>
        {
            await Task.Yield();
            return path.Name.EndsWith('7')
                ? throw new BigFsException(BigFsErrorCode.NotFound, path.Name)
                : new BigFsDirectory { Path = path };
        }));
        GrpcFileServer client = cluster.FileClient();

        await Parallel.ForEachAsync(Enumerable.Range(0, 5000), new ParallelOptions { MaxDegreeOfParallelism = 200 }, async (i, _) =>
        {
            BigFsPath path = $"/{i}";
            if (i % 10 == 7)
            {
                BigFsException refused = await ErrorTests.FailAsync(client.FindAsync(path, None));
                Assert.That((refused.Code, refused.Message), Is.EqualTo((BigFsErrorCode.NotFound, $"{i}")));
            }
            else
            {
                Assert.That((await client.FindAsync(path, None))!.Path, Is.EqualTo(path));
            }
        });
    }

    [Test]
    public async Task What_was_in_flight_when_the_stream_broke_is_sent_again_under_its_operation_id()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var operations = new ConcurrentQueue<Guid>();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var never = new TaskCompletionSource<CommittedFile>();
        ControlListener dying = await cluster.ServeAsync(Commits(request =>
        {
            operations.Enqueue(request.Operation);
            reached.TrySetResult();
            return never.Task;
        }));
        GrpcFileServer client = cluster.FileClient();
        var commit = new CommitFileRequest { Operation = Guid.NewGuid(), Path = "/a", Size = 0, Crc32C = 0 };

        Task<CommittedFile> committing = client.CommitFileAsync(commit, None).AsTask();
        await reached.Task;
        Task stopping = dying.DisposeAsync().AsTask();
        await cluster.ServeAsync(Commits(request =>
        {
            operations.Enqueue(request.Operation);
            return Task.FromResult(Committed(request.Path));
        }));

        Assert.That((await committing).File.Path, Is.EqualTo((BigFsPath)"/a"));
        Assert.That(operations, Is.EqualTo(new[] { commit.Operation, commit.Operation }));
        never.SetCanceled();
        await stopping;
    }

    [Test]
    public async Task Who_has_said_all_and_listens_on_gets_the_answers_that_are_left()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ControlListener listener = await cluster.ServeAsync(Files(async (path, token) =>
        {
            began.SetResult();
            await release.Task.WaitAsync(token);
            return new BigFsDirectory { Path = path };
        }));
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress("http://" + listener.Endpoint);
        using AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers> stream =
            new Protocol.FileServer.FileServerClient(channel).Exchange();
        await stream.RequestStream.WriteAsync(new Protocol.Calls
        {
            Calls_ = { new Protocol.Call { Id = 7, Find = new Protocol.FindRequest { Path = "/late" } } },
        });
        await began.Task;

        await stream.RequestStream.CompleteAsync();
        Task<bool> answer = stream.ResponseStream.MoveNext(None);
        release.SetResult();

        Assert.That(await answer);
        Assert.That(stream.ResponseStream.Current.Answers_.Single().Find.Entry, Is.Not.Null);
        Assert.That(await stream.ResponseStream.MoveNext(None), Is.False);
    }

    [Test]
    public async Task Cancelling_one_call_ends_it_at_both_ends_and_no_other()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await cluster.ServeAsync(Files(async (path, token) =>
        {
            if (path.Name == "hangs")
            {
                began.SetResult();
                try
                {
                    await Task.Delay(Timeout.Infinite, token);
                }
                finally
                {
                    ended.SetResult();
                }
            }

            return null;
        }));
        GrpcFileServer client = cluster.FileClient();
        using var cancel = new CancellationTokenSource();

        Task<BigFsEntry?> hanging = client.FindAsync("/hangs", cancel.Token).AsTask();
        await began.Task;
        await cancel.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => hanging);
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(await client.FindAsync("/other", None), Is.Null);
    }

    [Test]
    public async Task A_call_that_is_not_answered_fails_at_its_deadline_and_the_stream_goes_on()
    {
        await using TestCluster cluster =
            await TestCluster.StartAsync(new ControlTimeouts { Connect = TimeSpan.FromSeconds(1), Operation = TimeSpan.FromSeconds(1) });
        await cluster.ServeAsync(Files(async (path, token) =>
        {
            if (path.Name == "hangs")
            {
                await Task.Delay(Timeout.Infinite, token);
            }

            return null;
        }));
        GrpcFileServer client = cluster.FileClient();

        BigFsException late = await ErrorTests.FailAsync(client.FindAsync("/hangs", None));

        Assert.That(late.Code, Is.EqualTo(BigFsErrorCode.TimedOut));
        Assert.That(await client.FindAsync("/other", None), Is.Null);
    }

    [Test]
    public async Task The_role_ends_what_is_late_although_its_caller_says_nothing()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ControlListener listener = await cluster.ServeAsync(Files(async (_, token) =>
        {
            using CancellationTokenRegistration end = token.Register(ended.SetResult);
            await Task.Delay(Timeout.Infinite, token);
            return null;
        }));
        using AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers> raw =
            new Protocol.FileServer.FileServerClient(cluster.Channels.Get(listener.Endpoint)).Exchange();

        await raw.RequestStream.WriteAsync(new Protocol.Calls
        {
            Calls_ = { new Protocol.Call { Id = 1, LimitMilliseconds = 100, Find = new Protocol.FindRequest { Path = "/a" } } },
        });

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task A_commit_whose_time_is_up_in_the_queue_is_not_begun_by_call_or_on_the_stream([Values] bool unary)
    {
        await using TestCluster cluster =
            await TestCluster.StartAsync(new ControlTimeouts { Connect = TimeSpan.FromSeconds(1), Operation = TimeSpan.FromSeconds(1) });
        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, None);
        var queue = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var seam = new Mock<IMetadataStore>();
        seam.Setup(s => s.CommitFileAsync(It.IsAny<CommitFileRequest>(), It.IsAny<CancellationToken>()))
            .Returns(async (CommitFileRequest request, CancellationToken token) =>
            {
                await queue.Task;
                return await store.CommitFileAsync(request, token);
            });
        await cluster.ServeAsync(seam.Object);
        GrpcMetadataStore client = cluster.Own(new GrpcMetadataStore(
            cluster.Names, cluster.Channels, cluster.Timeouts, TimeProvider.System, unary));

        BigFsException late = await ErrorTests.FailAsync(client.CommitFileAsync(
            new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = "/late", Size = 0, Crc32C = 0 }, None));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (seam.Invocations.Any(call => call.Arguments[1] is CancellationToken { IsCancellationRequested: false }))
        {
            await Task.Delay(10, patience.Token);
        }

        queue.SetResult();
        await store.CommitFileAsync(
            new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = "/after", Size = 0, Crc32C = 0 }, None);

        Assert.That(late.Code, Is.EqualTo(BigFsErrorCode.TimedOut));
        Assert.That(await store.FindAsync("/late", false, None), Is.Null);
    }

    [Test]
    public async Task An_answer_too_large_for_the_stream_comes_the_unary_way()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int asked = 0;
        var manifest = Enumerable.Range(1, 50_000)
            .Select(i => new ChunkReference(new VolumeId(i), new ChunkKey((ulong)i), i, (uint)i)).ToArray();
        var files = new Mock<IFileServer>();
        files.Setup(f => f.OpenAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>())).Returns(() =>
        {
            Interlocked.Increment(ref asked);
            return ValueTask.FromResult<OpenedFile?>(
                new OpenedFile { File = Committed("/a").File, Manifest = [.. manifest], Locations = [] });
        });
        await cluster.ServeAsync(files.Object);

        OpenedFile opened = (await cluster.FileClient().OpenAsync("/a", None))!;

        Assert.That((opened.Manifest.Length, opened.Manifest[^1], asked), Is.EqualTo((50_000, manifest[^1], 2)));
    }

    [Test]
    public async Task A_call_that_the_role_does_not_serve_is_refused_and_the_stream_goes_on()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        ControlListener listener = await cluster.ServeAsync(Files((_, _) => Task.FromResult<BigFsEntry?>(null)));
        var raw = new Protocol.FileServer.FileServerClient(cluster.Channels.Get(listener.Endpoint));
        await using var stream = new CallStream(options => raw.Exchange(options), TimeProvider.System);

        Protocol.Answer unknown = await stream.SendAsync(new Protocol.Call(), TimeSpan.FromSeconds(20), None);
        Protocol.Answer bad = await stream.SendAsync(
            new Protocol.Call { Find = new Protocol.FindRequest { Path = "relative" } }, TimeSpan.FromSeconds(20), None);
        Protocol.Answer good = await stream.SendAsync(
            new Protocol.Call { Find = new Protocol.FindRequest { Path = "/a" } }, TimeSpan.FromSeconds(20), None);

        Assert.That(unknown.Error.Code, Is.EqualTo((int)BigFsErrorCode.InvalidArgument));
        Assert.That(bad.Error.Code, Is.EqualTo((int)BigFsErrorCode.InvalidPath));
        Assert.That(good.OutcomeCase, Is.EqualTo(Protocol.Answer.OutcomeOneofCase.Find));
    }

    [Test]
    public async Task A_broken_stream_fails_every_call_as_unreachable()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ControlListener listener = await cluster.ServeAsync(Files(async (_, token) =>
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, token);
            return null;
        }));
        var raw = new Protocol.FileServer.FileServerClient(cluster.Channels.Get(listener.Endpoint));
        await using var stream = new CallStream(options => raw.Exchange(options), TimeProvider.System);
        Task<Protocol.Answer>[] calls =
        [
            .. Enumerable.Range(0, 20).Select(i => stream.SendAsync(
                new Protocol.Call { Find = new Protocol.FindRequest { Path = $"/{i}" } }, TimeSpan.FromSeconds(20), None).AsTask()),
        ];
        await reached.Task;

        await listener.DisposeAsync();

        foreach (Task<Protocol.Answer> call in calls)
        {
            RpcException broken = (await Assert.ThrowsAsync<RpcException>(() => call))!;
            Assert.That(WireErrors.IsUnreachable(broken), Is.True, broken.ToString());
        }

        Assert.That(stream.IsBroken, Is.True);
    }

    private static CommittedFile Committed(BigFsPath path) =>
        new(new BigFsFile { Path = path, Replicas = 1 }, new NameDurability(BigFsDurability.Memory, "memory"));

    private static IFileServer Files(Func<BigFsPath, CancellationToken, Task<BigFsEntry?>> find)
    {
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Returns((BigFsPath path, CancellationToken token) => new ValueTask<BigFsEntry?>(find(path, token)));
        return files.Object;
    }

    private static IFileServer Commits(Func<CommitFileRequest, Task<CommittedFile>> commit)
    {
        var files = new Mock<IFileServer>();
        files.Setup(f => f.CommitFileAsync(It.IsAny<CommitFileRequest>(), It.IsAny<CancellationToken>()))
            .Returns((CommitFileRequest request, CancellationToken _) => new ValueTask<CommittedFile>(commit(request)));
        return files.Object;
    }
}
