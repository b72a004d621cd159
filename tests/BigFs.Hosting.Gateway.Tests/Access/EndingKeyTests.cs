using System.Net;
using System.Net.Sockets;
using System.Text;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using AccessKey = BigFs.Core.Security.AccessKey;

namespace BigFs.Hosting.Gateway.Tests.Access;

/// <summary>
/// A key that ends in the middle of a content ends the content, by every way that one goes in or comes out. The cluster is a real one
/// without keys; before it stands a gateway whose keys and whose clock for them are the test's, so that nothing is slept.
/// </summary>
[CancelAfter(120_000)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class EndingKeyTests
{
    /// <summary>More than what fits between the gateway and a reader that takes nothing.</summary>
    private const int Large = 32 << 20;

    private static readonly AccessKeyCheckerOptions Keys = new();
    private static GatewayCluster _cluster = null!;

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
    private readonly KeyStore _store = new();
    private readonly AccessKey _key = FirstAccessKey.NewKey();
    private AccessKeyChecker _checker = null!;
    private ChannelCache _channels = null!;
    private GrpcNameServer _names = null!;
    private GatewayServer _gateway = null!;

    /// <summary>The ways in which a key ends.</summary>
    public enum End
    {
        Revoked,
        Expired,
    }

    private Uri Door => new($"http://{_gateway.Endpoint}");

    [OneTimeSetUp]
    public static async Task StartCluster()
    {
        _cluster = await GatewayCluster.StartAsync();
        await using BigFsClient direct = _cluster.Direct();
        await direct.UploadBytesAsync("/large", new byte[Large]);
    }

    [OneTimeTearDown]
    public static async Task StopCluster() => await _cluster.DisposeAsync();

    [SetUp]
    public async Task Start()
    {
        _store.Record = FirstAccessKey.Record(
            _key, "test", AccessRights.Read | AccessRights.Write, BigFsPath.Root, _clock.GetUtcNow() + TimeSpan.FromHours(1), _clock);
        _checker = new AccessKeyChecker(_store, Keys, _clock);
        _channels = new ChannelCache(TimeSpan.FromSeconds(5), ChannelSecurity.None);
        _names = new GrpcNameServer(_cluster.ControlEndpoint, _channels, new ControlTimeouts(), TimeProvider.System);
        var secret = ClusterSecret.Parse(GatewayCluster.Secret, "test");
        _gateway = await LoneGateway.StartAsync(_names, gate: AccessGate.Closed(
            new RoleTokenVerifier(secret, new RoleTokenOptions(), _clock), _checker, root => new VersionVeil(secret, root), false, _clock));
    }

    [TearDown]
    public async Task Stop()
    {
        await _gateway.DisposeAsync();
        await _names.DisposeAsync();
        _channels.Dispose();
        await _checker.DisposeAsync();
    }

    [Test]
    public async Task A_download_by_HTTP_is_broken_off([Values] End end, [Values("1.1", "2.0")] string version)
    {
        using HttpClient client = Client(version);
        using HttpResponseMessage response = await client.GetAsync("/v1/files/large", HttpCompletionOption.ResponseHeadersRead);
        Assert.That((response.StatusCode, response.Content.Headers.ContentLength), Is.EqualTo((HttpStatusCode.OK, Large)));
        await using Stream content = await response.Content.ReadAsStreamAsync();
        await content.ReadExactlyAsync(new byte[100_000]);

        await EndAsync(end);

        using var rest = new MemoryStream();
        await Assert.ThatAsync(() => content.CopyToAsync(rest), Throws.InstanceOf<IOException>());
        Assert.That(rest.Length + 100_000, Is.LessThan(Large));
        Assert.That((await client.GetAsync("/v1/files/large")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task An_upload_by_HTTP_1_is_refused_while_its_caller_still_sends([Values] End end)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPEndPoint.Parse(_gateway.Endpoint));
        await using NetworkStream stream = socket.GetStream();
        using var answers = new StreamReader(stream, Encoding.UTF8);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"PUT /v1/files/http1-{end} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {_key.Reveal()}\r\n"
            + "Expect: 100-continue\r\nContent-Length: 9000000\r\n\r\n"));
        Assert.That(await answers.ReadLineAsync(), Does.Contain("100 Continue"));
        Assert.That(await answers.ReadLineAsync(), Is.Empty);
        await stream.WriteAsync(new byte[100_000]);

        await EndAsync(end);

        Assert.That(await answers.ReadLineAsync(), Does.Contain("401"));
        await NothingStandsAsync($"/http1-{end}");
    }

    [Test]
    public async Task An_upload_by_HTTP_2_is_refused_while_its_caller_still_sends([Values] End end)
    {
        using HttpClient client = Client("2.0");
        var content = new HeldContent();
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/files/http2-{end}")
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.ExpectContinue = true;
        Task<HttpResponseMessage> sending = client.SendAsync(request);
        await content.Sent.Task;

        await EndAsync(end);

        using HttpResponseMessage response = await sending;
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("\"Unauthenticated\"").And.Contain(end == End.Revoked ? "revoked" : "expired"));
        await NothingStandsAsync($"/http2-{end}");
    }

    [Test]
    public async Task An_upload_by_gRPC_is_refused_while_its_caller_is_silent([Values] End end)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(Door);
        using AsyncDuplexStreamingCall<UploadPart, UploadAnswer> call = new Protocol.Content.ContentClient(channel).Upload(Authorization());
        await call.RequestStream.WriteAsync(new UploadPart
        {
            Header = new UploadHeader { Protocol = 1, Operation = Guid.CreateVersion7().ToProto(), Path = $"/grpc-{end}" },
        });
        Assert.That(await call.ResponseStream.MoveNext(default), "it is accepted");
        await call.RequestStream.WriteAsync(new UploadPart { Data = ByteString.CopyFrom(new byte[100_000]) });

        await EndAsync(end);

        await RefusedAsync(async () => await call.ResponseStream.MoveNext(default));
        await NothingStandsAsync($"/grpc-{end}");
    }

    [Test]
    public async Task A_download_by_gRPC_is_ended_before_its_end([Values] End end)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(Door);
        using AsyncServerStreamingCall<DownloadPart> call =
            new Protocol.Content.ContentClient(channel).Download(new DownloadRequest { Protocol = 1, Path = "/large" }, Authorization());
        Assert.That(await call.ResponseStream.MoveNext(default), "it is told what comes");

        await EndAsync(end);

        // A reader that holds the stream back cannot be told why: it is broken off.
        RpcException ended = (await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(default))
            {
                Assert.That(call.ResponseStream.Current.End, Is.Null);
            }
        }))!;
        Assert.That(ended.StatusCode, Is.EqualTo(StatusCode.Unauthenticated).Or.EqualTo(StatusCode.Cancelled), ended.Message);
    }

    [Test]
    public async Task The_SDK_says_so_whatever_it_was_doing([Values] End end)
    {
        await using var client = new BigFsClient(new BigFsClientOptions { Endpoint = Door, ApiKey = _key.Reveal() });
        await using BigFsReadStream reader = await client.OpenReadAsync("/large");
        await reader.ReadExactlyAsync(new byte[1000]);
        await using BigFsWriter writer = await client.OpenWriteAsync($"/sdk-{end}");
        await writer.Content.WriteAsync(new byte[2 << 20]);

        await EndAsync(end);

        await UnauthenticatedAsync(async () => await reader.CopyToAsync(Stream.Null), end);
        await UnauthenticatedAsync(async () => await writer.CommitAsync(), end);
        await NothingStandsAsync($"/sdk-{end}");
    }

    [Test]
    public async Task While_keys_cannot_be_looked_up_what_was_admitted_goes_on_and_nothing_is_admitted([Values("1.1", "2.0")] string version)
    {
        using HttpClient client = Client(version);
        using HttpResponseMessage response = await client.GetAsync("/v1/files/large", HttpCompletionOption.ResponseHeadersRead);
        await using Stream content = await response.Content.ReadAsStreamAsync();
        await content.ReadExactlyAsync(new byte[1000]);

        _store.IsAway = true;
        for (int i = 0; i < 60; i++)
        {
            _clock.Advance(Keys.RefreshAfter);
        }

        Assert.That((await client.GetAsync("/v1/files/large")).StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        using var rest = new MemoryStream();
        await content.CopyToAsync(rest);
        Assert.That(rest.Length + 1000, Is.EqualTo(Large));
    }

    /// <summary>The key ends; returns when nothing of its owner's is under way any more.</summary>
    private async Task EndAsync(End end)
    {
        Assert.That(_checker.UnderWay, Is.EqualTo(1), "something is under way");
        if (end == End.Revoked)
        {
            _store.Record = _store.Record! with { Revoked = _clock.GetUtcNow() };
            _clock.Advance(Keys.RefreshAfter);
        }
        else
        {
            _clock.Advance(TimeSpan.FromHours(1));
        }

        await Until.TrueAsync(() => _checker.UnderWay == 0, "the end of what was under way");
    }

    private HttpClient Client(string version)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, Expect100ContinueTimeout = TimeSpan.FromMinutes(1) })
        {
            BaseAddress = Door,
            DefaultRequestVersion = Version.Parse(version),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        client.DefaultRequestHeaders.Authorization = new("Bearer", _key.Reveal());
        return client;
    }

    private Metadata Authorization() => new() { { "authorization", "Bearer " + _key.Reveal() } };

    private static async Task RefusedAsync(Func<Task> call)
    {
        RpcException refused = (await Assert.ThrowsAsync<RpcException>(() => call()))!;
        Assert.That(refused.StatusCode, Is.EqualTo(StatusCode.Unauthenticated), refused.Message);
    }

    private static async Task UnauthenticatedAsync(Func<Task> call, End end)
    {
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => call()))!;
        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unauthenticated), refused.Message);
        Assert.That(refused.Message, Does.Contain(end == End.Revoked ? "revoked" : "expired"));
    }

    private static async Task NothingStandsAsync(string path)
    {
        await using BigFsClient direct = _cluster.Direct();
        Assert.That(await direct.FindAsync(path), Is.Null);
    }

    /// <summary>A body that is begun and not ended.</summary>
    private sealed class HeldContent : HttpContent
    {
        public TaskCompletionSource Sent { get; } = new();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(new byte[100_000], cancellationToken);
            Sent.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
