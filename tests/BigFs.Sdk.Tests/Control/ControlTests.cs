namespace BigFs.Sdk.Tests.Control;

[CancelAfter(20_000)]
internal sealed class ControlTests
{
    private static BigFsException Away() => new(BigFsErrorCode.Unavailable, "The file server is away.") { Endpoint = "host:1" };

    [Test]
    public async Task A_call_that_found_nobody_is_repeated_under_the_same_operation_id([Values("delete", "move")] string call)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        int failures = 2;
        cluster.FileServer.Before = (_, _) => Interlocked.Decrement(ref failures) >= 0 ? throw Away() : Task.CompletedTask;

        _ = call == "delete" ? await client.DeleteAsync("/a") : (object)await client.MoveAsync("/a", "/b");

        Assert.That(cluster.FileServer.Operations, Has.Count.EqualTo(3));
        Assert.That(cluster.FileServer.Operations.Distinct(), Has.Exactly(1).Items);
    }

    [Test]
    public async Task Two_calls_have_two_operation_ids()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();

        await client.CreateDirectoryAsync("/a");
        await client.CreateDirectoryAsync("/a");

        Assert.That(cluster.FileServer.Operations.Distinct(), Has.Exactly(2).Items);
    }

    [Test]
    public async Task Nobody_there_for_the_connect_time_out_is_unavailable_with_endpoint_attempts_and_path()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(connectSeconds: 0.2);
        cluster.FileServer.Before = (_, _) => throw Away();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/a/b")))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(error.IsTransient);
            Assert.That(error.Endpoint, Is.EqualTo("host:1"));
            Assert.That(error.Path, Is.EqualTo("/a/b"));
            Assert.That(error.Attempts, Is.GreaterThan(1));
            Assert.That(error.InnerException, Is.InstanceOf<BigFsException>());
        }
    }

    [Test]
    public async Task No_answer_for_the_operation_time_out_is_a_time_out_and_no_cancellation()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(operationSeconds: 0.1);
        cluster.FileServer.Before = (_, _) => Task.Delay(Timeout.Infinite, CancellationToken.None);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/a")))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.TimedOut));
    }

    [Test]
    public async Task Cancelling_ends_a_call_that_does_not_look_at_its_token()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.FileServer.Before = async (_, _) =>
        {
            reached.SetResult();
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
        };
        using var cancel = new CancellationTokenSource();

        Task<BigFsEntry?> find = client.FindAsync("/a", cancel.Token);
        await reached.Task;
        await cancel.CancelAsync();

        OperationCanceledException error = (await Assert.CatchAsync<OperationCanceledException>(() => find))!;
        Assert.That(error.CancellationToken, Is.EqualTo(cancel.Token));
    }

    [Test]
    public async Task An_answer_is_final_and_an_unknown_exception_is_told_as_a_fault_inside()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        cluster.FileServer.Before = (_, _) => throw new BigFsException(BigFsErrorCode.DirectoryNotEmpty, "It holds entries.");
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => client.DeleteAsync("/a")))!;
        cluster.FileServer.Before = (_, _) => throw new InvalidOperationException("odd");
        BigFsException odd = (await Assert.ThrowsAsync<BigFsException>(() => client.DeleteAsync("/a")))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.DirectoryNotEmpty));
            Assert.That(refused.Path, Is.EqualTo("/a"));
            Assert.That(odd.Code, Is.EqualTo(BigFsErrorCode.Internal));
            Assert.That(cluster.FileServer.Count("delete"), Is.EqualTo(2));
        }
    }

    [Test]
    public void A_context_that_never_pumps_does_not_deadlock_the_client()
    {
        var cluster = new FakeCluster();
        BigFsClient client = cluster.Client();
        cluster.FileServer.Before = async (_, _) => await Task.Yield();
        cluster.Transport.OnWrite = async (_, _) =>
        {
            await Task.Yield();
            return (ChunkStatus.Ok, null);
        };
        cluster.Transport.OnRead = async (_, _, _) =>
        {
            await Task.Yield();
            return ChunkStatus.Ok;
        };
        byte[] content = Make.Bytes(300_000), back = [];
        var options = new UploadOptions { ChunkSize = 64 << 10, Concurrency = 2 };
        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new SynchronizationContextThatNeverPumps());
            using var source = new MemoryStream(content);
            client.UploadAsync("/a", source, options).Wait();
            BigFsWriter writer = client.OpenWriteAsync("/b", options).Result;
            writer.Content.Write(content);
            writer.Content.WriteAsync(content).AsTask().Wait();
            writer.CommitAsync().Wait();
            using var destination = new MemoryStream();
            client.DownloadAsync("/a", destination).Wait();
            using BigFsReadStream stream = client.OpenReadAsync("/a").Result;
            back = new byte[content.Length];
            stream.ReadExactly(back.AsSpan(0, 1000));
            stream.ReadExactlyAsync(back.AsMemory(1000)).AsTask().Wait();
            client.DeleteAsync("/a").Wait();
            client.DisposeAsync().AsTask().Wait();
        });
        thread.IsBackground = true;
        thread.Start();

        Assert.That(thread.Join(TimeSpan.FromSeconds(10)), "deadlock");
        Assert.That(back, Is.EqualTo(content));
    }

    private sealed class SynchronizationContextThatNeverPumps : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            // Nobody ever runs it.
        }

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

        public override SynchronizationContext CreateCopy() => this;
    }
}
