using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.Grpc;
using BigFs.Protocol;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Proxy;

/// <summary>A gateway that stops does not wait for streams that callers keep open, but for calls that are in hand.</summary>
[CancelAfter(60_000)]
internal sealed class StopTests
{
    [Test]
    public async Task A_stream_at_rest_is_ended_and_a_call_in_hand_is_answered_first()
    {
        var names = new NameServer.NameServer(TimeProvider.System) { Lease = TimeSpan.FromMinutes(10) };
        var server = new HeldFileServer();
        await using ControlListener listener = await LoneGateway.ServeAsync(names, "one", server);

        // Longer than the test: were it waited for, the test would fail.
        await using GatewayServer gateway = await LoneGateway.StartAsync(names, grace: TimeSpan.FromMinutes(10));
        using GrpcChannel channel = GrpcChannel.ForAddress("http://" + gateway.Endpoint);
        var client = new Protocol.FileServer.FileServerClient(channel);
        using AsyncDuplexStreamingCall<Calls, Answers> idle = client.Exchange();
        server.Release.TrySetResult();
        await AskAsync(idle, 1);
        Assert.That(await idle.ResponseStream.MoveNext(default));
        using AsyncDuplexStreamingCall<Calls, Answers> busy = client.Exchange();
        server.Hold();
        await AskAsync(busy, 2);
        await server.Reached.Task;

        Task stopping = gateway.DisposeAsync().AsTask();

        Assert.That(await idle.ResponseStream.MoveNext(default), Is.False, "the stream at rest is ended");
        Assert.That(stopping.IsCompleted, Is.False);
        server.Release.SetResult();
        Assert.That(await busy.ResponseStream.MoveNext(default), "the call in hand is answered");
        Assert.That(busy.ResponseStream.Current.Answers_.Single().Id, Is.EqualTo(2));
        Assert.That(await busy.ResponseStream.MoveNext(default), Is.False);
        await stopping;
    }

    private static Task AskAsync(AsyncDuplexStreamingCall<Calls, Answers> stream, uint id) => stream.RequestStream.WriteAsync(
        new Calls { Calls_ = { new Call { Id = id, Find = new FindRequest { Path = "/" } } } });

    /// <summary>Answers when it is told to.</summary>
    private sealed class HeldFileServer : Protocol.FileServer.FileServerBase
    {
        public TaskCompletionSource Reached { get; private set; } = new();

        public TaskCompletionSource Release { get; private set; } = new();

        public void Hold() => (Reached, Release) = (new TaskCompletionSource(), new TaskCompletionSource());

        public override async Task Exchange(
            IAsyncStreamReader<Calls> requestStream, IServerStreamWriter<Answers> responseStream, ServerCallContext context)
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                Reached.TrySetResult();
                await Release.Task;
                await responseStream.WriteAsync(new Answers
                {
                    Answers_ = { requestStream.Current.Calls_.Select(call => new Answer { Id = call.Id, Find = new FindResponse() }) },
                });
            }
        }
    }
}
