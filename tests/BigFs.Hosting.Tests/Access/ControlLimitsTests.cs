using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.NameServer;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>What strangers may take of a control port is bounded, and the others are served on.</summary>
[CancelAfter(60_000)]
internal sealed class ControlLimitsTests
{
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    [Test]
    public async Task More_connections_than_allowed_are_closed_at_once_and_places_come_free()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.Connections = 2);
        using Socket one = await ConnectAsync(listener);
        using Socket two = await ConnectAsync(listener);
        Assert.That(await IsServedAsync(one) && await IsServedAsync(two), Is.True);

        using Socket three = await ConnectAsync(listener);
        Assert.That(await IsServedAsync(three), Is.False);

        one.Dispose();
        await UntilAsync(async () =>
        {
            using Socket next = await ConnectAsync(listener);
            return await IsServedAsync(next);
        });
    }

    [Test]
    public async Task Calls_beyond_those_of_one_connection_wait_at_the_caller()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.StreamsPerConnection = 1);
        using GrpcChannel channel = Channel(listener);
        var bus = new Protocol.ClusterBus.ClusterBusClient(channel);
        var names = new Protocol.NameServer.NameServerClient(channel);
        using (AsyncClientStreamingCall<Protocol.BusMessage, Protocol.Empty> held = bus.Publish())
        {
            await held.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 99 });
            Task waiting = names.ResolveAsync(Resolve()).ResponseAsync;
            Assert.That(await Task.WhenAny(waiting, Task.Delay(300)), Is.Not.SameAs(waiting));
            await held.RequestStream.CompleteAsync();
            await held;
            await waiting;
        }
    }

    [Test]
    public async Task Headers_that_are_too_large_are_refused_and_the_next_call_is_served()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.HeaderBytes = 4 << 10);
        using GrpcChannel channel = Channel(listener);
        var names = new Protocol.NameServer.NameServerClient(channel);
        var large = new global::Grpc.Core.Metadata { { "x-large", new string('x', 8 << 10) } };

        await Assert.ThrowsAsync<RpcException>(() => names.ResolveAsync(Resolve(), large).ResponseAsync);
        await names.ResolveAsync(Resolve(), new global::Grpc.Core.Metadata { { "x-small", new string('x', 1 << 10) } });
    }

    [Test]
    public async Task Headers_that_do_not_end_end_the_connection()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.HeaderTimeout = TimeSpan.FromSeconds(1));
        using Socket slow = await ConnectAsync(listener);
        await slow.SendAsync(Preface);
        await slow.SendAsync(Frame(type: 4, flags: 0, stream: 0, []));

        // HEADERS without END_HEADERS (RFC 9113, section 6.2); ":method: GET" from the static table.
        await slow.SendAsync(Frame(type: 1, flags: 0, stream: 1, [0x82]));

        Assert.That(await EndsAsync(slow), Is.True);
    }

    [Test]
    public async Task A_message_that_begins_and_stalls_is_given_up_and_streams_may_be_silent()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.SlowFor = TimeSpan.FromSeconds(2));
        using GrpcChannel channel = Channel(listener);
        var bus = new Protocol.ClusterBus.ClusterBusClient(channel);
        using AsyncClientStreamingCall<Protocol.BusMessage, Protocol.Empty> silent = bus.Publish();
        await silent.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 99 });

        using var body = new StallingBody(length: 1000, send: 10);
        Assert.That(await PostAsync(listener, body), Is.Not.EqualTo("0"), "the stalled message");

        await silent.RequestStream.WriteAsync(new Protocol.BusMessage { Version = 99 });
        await silent.RequestStream.CompleteAsync();
        await silent;
    }

    [Test]
    public async Task A_message_beyond_the_largest_is_refused()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.MessageBytes = 1 << 20);
        using GrpcChannel channel = Channel(listener);
        var names = new Protocol.NameServer.NameServerClient(channel);

        RpcException refused = (await Assert.ThrowsAsync<RpcException>(() => names.RegisterAsync(
            new Protocol.ServiceInstance { Role = 4, Id = new string('x', 2 << 20), Endpoint = "127.0.0.1:1" }).ResponseAsync))!;

        Assert.That(refused.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
        Assert.That(WireErrors.FromTransport(refused, "name server", "", 1).Code, Is.EqualTo(BigFsErrorCode.LimitExceeded));
    }

    [Test]
    public async Task While_too_much_is_arriving_large_calls_are_refused_and_small_ones_served()
    {
        await using ControlListener listener = await ListenAsync(limits => limits.BytesInFlight = 1 << 20);
        using GrpcChannel channel = Channel(listener);
        var names = new Protocol.NameServer.NameServerClient(channel);
        using var first = new StallingBody(length: 4 << 20, send: 900 << 10);
        Task<string> held = PostAsync(listener, first);
        await first.Sent;
        using var second = new StallingBody(length: 4 << 20, send: 900 << 10);

        Assert.That(await PostAsync(listener, second), Is.EqualTo(((int)StatusCode.Unavailable).ToString()));
        await names.ResolveAsync(Resolve());

        first.Finish();
        await held;
        await names.RegisterAsync(new Protocol.ServiceInstance { Role = 4, Id = "a", Endpoint = "127.0.0.1:1" });
    }

    private static Protocol.ResolveRequest Resolve() => new() { Role = (int)Core.Control.ServiceRole.FileServer };

    private static async Task<ControlListener> ListenAsync(Action<BigFsControlLimits> limit)
    {
        var limits = new BigFsControlLimits();
        limit(limits);
        var names = new Hosting.NameServer.NameServer(TimeProvider.System);
        var bus = new Core.Messaging.InProcessClusterBus(NullLogger.Instance);
        var listener = new ControlListener("127.0.0.1:0", NullLoggerFactory.Instance, new ControlListenerOptions { Limits = limits });
        listener.Map(Protocol.NameServer.BindService(new NameServerService(names)))
            .Map(Protocol.ClusterBus.BindService(new Hosting.Messaging.ClusterBusService(
                bus, listener.Stopping, TimeProvider.System, NullLogger<Hosting.Messaging.ClusterBusService>.Instance)));
        await listener.StartAsync(CancellationToken.None);
        return listener;
    }

    private static GrpcChannel Channel(ControlListener listener) => GrpcChannel.ForAddress(
        "http://" + listener.Endpoint,
        new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = false },
            DisposeHttpClient = true,
            MaxSendMessageSize = null,
        });

    private static async Task<Socket> ConnectAsync(ControlListener listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(listener.Endpoint));
        return socket;
    }

    /// <summary>Whether the other side greets as HTTP/2 does.</summary>
    private static async Task<bool> IsServedAsync(Socket socket)
    {
        try
        {
            await socket.SendAsync(Preface);
            await socket.SendAsync(Frame(type: 4, flags: 0, stream: 0, []));
            return await socket.ReceiveAsync(new byte[9]) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task<bool> EndsAsync(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer) > 0)
            {
                // What it says before it hangs up.
            }
        }
        catch (SocketException)
        {
            // Hung up as well.
        }

        return true;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>Sends a gRPC message; the status of the answer, or what broke.</summary>
    private static async Task<string> PostAsync(ControlListener listener, StallingBody body)
    {
        using var client = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{listener.Endpoint}/bigfs.v1.NameServer/Register")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        try
        {
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await response.Content.ReadAsByteArrayAsync();
            return Status(response.TrailingHeaders) ?? Status(response.Headers) ?? response.StatusCode.ToString();
        }
        catch (HttpRequestException broken)
        {
            return broken.Message;
        }

        static string? Status(HttpHeaders headers) =>
            headers.TryGetValues("grpc-status", out IEnumerable<string>? values) ? values.First() : null;
    }

    /// <summary>The beginning of a message, and then nothing until it is told to end.</summary>
    private sealed class StallingBody : HttpContent
    {
        private readonly byte[] _begin;
        private readonly TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public StallingBody(int length, int send)
        {
            _begin = new byte[5 + send];
            BinaryPrimitives.WriteInt32BigEndian(_begin.AsSpan(1), length);
            Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        }

        public Task Sent => _sent.Task;

        public void Finish() => _end.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_begin);
            await stream.FlushAsync();
            _sent.TrySetResult();
            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            _end.TrySetResult();
            base.Dispose(disposing);
        }
    }
}
