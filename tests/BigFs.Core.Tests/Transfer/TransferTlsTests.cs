using System.Net.Sockets;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>The data plane encrypted: what it carries, whom it takes, and that it never falls back.</summary>
[TestFixture]
internal sealed class TransferTlsTests
{
    private const string Here = "127.0.0.1";

    private TestAuthority _authority = null!;
    private TransferClientTls _client = null!;
    private TransferServerOptions _server = null!;

    [SetUp]
    public void MakeAuthority()
    {
        _authority = new TestAuthority();
        _client = new TransferClientTls { AuthorityFile = _authority.AuthorityFile };
        _server = ServerOf(_authority.Issue(Here));
    }

    [TearDown]
    public void DisposeAuthority() => _authority.Dispose();

    [TestCase(1)]
    [TestCase(4096)]
    [TestCase(70_000)]
    [TestCase(20 << 20)]
    public async Task Chunks_pass_an_encrypted_pipeline_and_are_read_back(int length)
    {
        await using TransferBench bench = await TransferBench.StartAsync(3, options: _server, tls: _client);
        byte[] payload = TransferBench.Payload(length);
        ChunkGrant grant = bench.Grant();
        var read = new byte[length];

        for (int round = 0; round < 3; round++)
        {
            ChunkWriteResult written = await bench.WriteAsync(grant, payload);
            Assert.That(written.Status, Is.EqualTo(ChunkStatus.Ok), written.Detail);
            read.AsSpan().Clear();
            Assert.That(await bench.ReadAsync(round, TransferBench.Reference(grant, payload), 0, read), Is.EqualTo(ChunkStatus.Ok));
            Assert.That(read.AsSpan().SequenceEqual(payload), Is.True);
        }

        Assert.That(bench.Nodes.Select(node => node.TransferEndpoint), Is.All.StartsWith("tls://127.0.0.1:"));
        Assert.That(bench.Client.IdleConnections, Is.EqualTo(3), "a connection each that was asked, kept in order");
    }

    [Test]
    public async Task Certificates_on_both_sides_are_asked_for_and_checked()
    {
        using var stranger = new TestAuthority();
        TransferClientTls known = _client with { CertificateFile = _authority.Issue("a client").CertificateFile, KeyFile = _authority.At("a client.key") };
        TransferClientTls unknown = _client with { CertificateFile = stranger.Issue("a client").CertificateFile, KeyFile = stranger.At("a client.key") };
        TransferServerOptions options = _server with
        {
            Tls = _server.Tls! with { ClientAuthorityFile = _authority.AuthorityFile },
            Relay = new TransferClientOptions { Tls = known },
        };
        await using TransferBench bench = await TransferBench.StartAsync(2, options: options, tls: known);

        ChunkWriteResult written = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(100_000));

        Assert.That(written.Status, Is.EqualTo(ChunkStatus.Ok), written.Detail);
        foreach (TransferClientTls other in new[] { _client, unknown })
        {
            await using TcpChunkTransport refused = Client(other);
            Assert.That(await TransferBench.ReadAbsentAsync(refused, bench.Nodes[0]), Is.EqualTo(ChunkStatus.Unreachable));
        }
    }

    [Test]
    public async Task A_node_that_another_authority_vouches_for_or_that_has_another_name_is_not_believed()
    {
        using var stranger = new TestAuthority();
        await using TransferBench foreign = await TransferBench.StartAsync(1, options: ServerOf(stranger.Issue(Here)), tls: _client);
        await using TransferBench misnamed = await TransferBench.StartAsync(
            1, options: ServerOf(_authority.Issue("elsewhere.example")), tls: _client);

        foreach (TransferBench bench in new[] { foreign, misnamed })
        {
            ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(100_000));
            Assert.That(result.Status, Is.EqualTo(ChunkStatus.Unreachable));
            Assert.That(result.Detail, Does.Contain("certificate"));
            Assert.That(bench.Stores[0].Calls, Is.Empty);
        }
    }

    [TestCase(10)]
    [TestCase(100_000)]
    public async Task Plaintext_at_an_encrypted_port_is_told_so_and_nothing_is_done_for_it(int length)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1, options: _server, tls: _client);
        await using TcpChunkTransport plain = Client(null);
        NodeAddress stripped = bench.Nodes[0] with { TransferEndpoint = bench.Nodes[0].TransferEndpoint["tls://".Length..] };
        ChunkGrant grant = bench.Grant(stripped);

        ChunkWriteResult result = await plain.WriteAsync(grant, new byte[length], 0, default);

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.NotAllowed));
        Assert.That(result.Detail, Does.Contain("TLS only"));
        Assert.That(bench.Stores[0].Calls, Is.Empty);
    }

    [TestCase(10)]
    [TestCase(100_000)]
    public async Task An_encrypted_client_at_a_plaintext_port_gives_up_with_a_reason(int length)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        await using TcpChunkTransport client = Client(_client);
        NodeAddress claimed = bench.Nodes[0] with { TransferEndpoint = "tls://" + bench.Nodes[0].TransferEndpoint };

        ChunkWriteResult result = await client.WriteAsync(bench.Grant(claimed), new byte[length], 0, default);

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Unreachable));
        Assert.That(result.Detail, Does.Contain("speaks none"));
    }

    [Test]
    public async Task Endpoints_of_the_other_kind_are_not_even_connected_to()
    {
        await using TcpChunkTransport plain = Client(null);
        await using TcpChunkTransport encrypted = Client(_client);
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        listener.Listen();
        string endpoint = listener.LocalEndPoint!.ToString()!;

        ChunkStatus toEncrypted = await TransferBench.ReadAbsentAsync(plain, new NodeAddress(TransferBench.NodeOf(0), "tls://" + endpoint));
        ChunkStatus toPlain = await TransferBench.ReadAbsentAsync(encrypted, new NodeAddress(TransferBench.NodeOf(0), endpoint));

        Assert.That((toEncrypted, toPlain), Is.EqualTo((ChunkStatus.Unreachable, ChunkStatus.Unreachable)));
        Assert.That(listener.Poll(0, SelectMode.SelectRead), Is.False, "nobody came");
    }

    [Test]
    public async Task A_writer_who_is_held_back_hears_of_it_through_the_encryption_and_goes_on()
    {
        TimeSpan stall = TimeSpan.FromMilliseconds(400);
        TransferServerOptions options = _server with { WaitingInterval = TimeSpan.FromMilliseconds(50) };
        await using TransferBench bench = await TransferBench.StartAsync(2, stall, options: options, tls: _client);
        long begun = 0;
        bench.Stores[1].Flush = async token =>
        {
            Interlocked.Exchange(ref begun, TimeProvider.System.GetTimestamp());
            await TransferBench.EventuallyAsync(() => TimeProvider.System.GetElapsedTime(begun) > stall * 3, "a slow flush");
        };

        ChunkWriteResult slow = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(8 << 20));

        Assert.That(slow.Status, Is.EqualTo(ChunkStatus.Ok), slow.Detail);
    }

    [Test]
    public async Task A_node_that_hangs_is_a_stall_through_the_encryption_too()
    {
        await using TransferBench bench = await TransferBench.StartAsync(
            2,
            options: _server with { Relay = _server.Relay with { StallTimeout = TimeSpan.FromMilliseconds(400) } },
            tls: _client);
        bench.Stores[1].Flush = token => Task.Delay(Timeout.Infinite, token);

        ChunkWriteResult result = await bench.WriteAsync(bench.Grant(), TransferBench.Payload(1000));

        Assert.That((result.Status, result.FailedNode), Is.EqualTo((ChunkStatus.Stalled, bench.Nodes[1].Id)), result.Detail);
    }

    [Test]
    public void Files_that_are_no_good_are_named_by_their_setting()
    {
        File.WriteAllText(_authority.At("nothing.pem"), "nothing");
        string missing = _authority.At("missing.pem"), nothing = _authority.At("nothing.pem");
        (TransferClientTls Tls, string Setting)[] bad =
        [
            (_client with { AuthorityFile = missing }, "AuthorityFile"),
            (_client with { AuthorityFile = nothing }, "AuthorityFile"),
            (_client with { CertificateFile = _authority.At(Here + ".pem") }, "KeyFile"),
            (_client with { CertificateFile = _authority.At(Here + ".pem"), KeyFile = nothing }, "CertificateFile"),
        ];
        foreach ((TransferClientTls tls, string setting) in bad)
        {
            BigFsException? refusal = Assert.Throws<BigFsException>(() => Client(tls));
            Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
            Assert.That(refusal.Message, Does.Contain($"setting {setting} "));
        }
    }

    private static TcpChunkTransport Client(TransferClientTls? tls) =>
        new(new TransferClientOptions { Tls = tls }, TimeProvider.System, NullLogger.Instance);

    private TransferServerOptions ServerOf((string CertificateFile, string KeyFile) certificate) => TransferBench.ServerOptions with
    {
        Tls = new TransferServerTls { CertificateFile = certificate.CertificateFile, KeyFile = certificate.KeyFile },
        Relay = new TransferClientOptions { Tls = _client },
    };
}
