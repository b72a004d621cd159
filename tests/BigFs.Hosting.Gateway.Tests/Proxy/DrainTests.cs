using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.Grpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Proxy;

/// <summary>A file server that is drained gets no new calls and finishes those that it has.</summary>
[CancelAfter(60_000)]
internal sealed class DrainTests
{
    [TestCase(true, TestName = "By_the_end_of_its_lease")]
    [TestCase(false, TestName = "By_its_own_word_on_the_bus")]
    public async Task Calls_in_hand_end_where_they_are_and_new_ones_go_elsewhere(bool byLease)
    {
        var names = new NameServer.NameServer(TimeProvider.System) { Lease = TimeSpan.FromMinutes(1) };
        var bus = new InProcessClusterBus(NullLogger.Instance);
        var drained = new HeldFileServer("/hold");
        var other = new HeldFileServer("/busy");
        await using ControlListener first = await LoneGateway.ServeAsync(names, "first", drained);
        await using GatewayServer gateway = await LoneGateway.StartAsync(names, bus);
        using GrpcChannel channel = GrpcChannel.ForAddress("http://" + gateway.Endpoint);
        var client = new Protocol.FileServer.FileServerClient(channel);
        using AsyncUnaryCall<Protocol.FindResponse> held = client.FindAsync(new Protocol.FindRequest { Path = "/hold" });
        await drained.OneHeld.Task;
        await using ControlListener second = await LoneGateway.ServeAsync(names, "second", other);

        // Two calls are kept there, so that by its load alone the first one would be chosen.
        List<AsyncUnaryCall<Protocol.FindResponse>> busy = [];
        for (int round = 0; other.Held < 2; round++)
        {
            Assert.That(round, Is.LessThan(10_000), "the second one gets calls");
            int before = other.Held;
            AsyncUnaryCall<Protocol.FindResponse> next = client.FindAsync(new Protocol.FindRequest { Path = "/busy" });
            busy.Add(next);
            await Until.TrueAsync(() => next.ResponseAsync.IsCompleted || other.Held > before, "an answer, or a call that is kept");
        }

        if (byLease)
        {
            await names.ReleaseAsync(ServiceRole.FileServer, "first", default);
        }
        else
        {
            await bus.PublishAsync(Drained(first.Endpoint), default);
        }

        // The news takes a moment; from then on none goes there.
        for (int round = 0; other.Calls < 50 || drained.CallsSinceLast > 0; round++)
        {
            Assert.That(round, Is.LessThan(200), "it still gets calls");
            drained.CallsSinceLast = 0;
            for (int i = 0; i < 50; i++)
            {
                await client.FindAsync(new Protocol.FindRequest { Path = "/" });
            }
        }

        drained.Release.SetResult();
        other.Release.SetResult();
        await held;
        await Task.WhenAll(busy.Select(one => one.ResponseAsync));
        Assert.That(drained.CallsSinceLast, Is.Zero);
    }

    private static FileServerHeartbeat Drained(string endpoint) => new()
    {
        Server = "first",
        Endpoint = endpoint,
        Incarnation = 1,
        Sequence = 9,
        IsDrained = true,
        CallsInFlight = 1,
        CallsPerSecond = 0,
        Process = new ProcessMeter(TimeProvider.System).Measure(),
    };

    /// <summary>Answers at once, but for one path: that waits.</summary>
    private sealed class HeldFileServer(string hold) : Protocol.FileServer.FileServerBase
    {
        private int _calls;
        private int _held;

        public TaskCompletionSource OneHeld { get; } = new();

        public int Held => _held;

        public TaskCompletionSource Release { get; } = new();

        public int Calls => _calls;

        public int CallsSinceLast { get; set; }

        public override async Task<Protocol.FindResponse> Find(Protocol.FindRequest request, ServerCallContext context)
        {
            if (request.Path == hold)
            {
                Interlocked.Increment(ref _held);
                OneHeld.TrySetResult();
                await Release.Task;
                return new Protocol.FindResponse();
            }

            Interlocked.Increment(ref _calls);
            CallsSinceLast++;
            return new Protocol.FindResponse();
        }
    }
}
