using System.Net;
using System.Security.Cryptography.X509Certificates;
using BigFs.Core.Tests.Transfer;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Listening;

/// <summary>The gateway's port encrypted, and the gateway among roles that are encrypted themselves.</summary>
[CancelAfter(120_000)]
internal sealed class TlsTests
{
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _stranger = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bigfs-tls-");
    private GatewayCluster _cluster = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        (string certificate, string key) = _authority.Issue("127.0.0.1");
        _cluster = await GatewayCluster.StartAsync(
            keys: true,
            configureRole: options =>
            {
                (options.ControlCertificateFile, options.ControlKeyFile, options.ControlAuthorityFile) = (certificate, key, _authority.AuthorityFile);
                (options.TransferCertificateFile, options.TransferKeyFile, options.TransferAuthorityFile) = (certificate, key, _authority.AuthorityFile);
                options.ControlRoleCertificates = true;
                options.TransferClientCertificates = true;
            },
            configureGateway: options => (options.Gateway.CertificateFile, options.Gateway.KeyFile) = (certificate, key));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _cluster.DisposeAsync();
        _authority.Dispose();
        _stranger.Dispose();
        _folder.Delete(recursive: true);
    }

    [Test]
    public async Task Files_travel_encrypted_on_every_plane([Values("1.1", "2.0")] string version)
    {
        using X509Certificate2 trusted = X509CertificateLoader.LoadCertificateFromFile(_authority.AuthorityFile);
        byte[] bytes = Bytes();
        using var client = new HttpClient(Trusting(trusted))
        {
            BaseAddress = new Uri($"https://{_cluster.Door}"),
            DefaultRequestVersion = Version.Parse(version),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        client.DefaultRequestHeaders.Authorization = new("Bearer", _cluster.AdminKey);

        HttpResponseMessage put = await client.PutAsync($"/v1/files/a{version}", new ByteArrayContent(bytes));

        Assert.That((put.StatusCode, put.Version), Is.EqualTo((HttpStatusCode.Created, Version.Parse(version))), await put.Content.ReadAsStringAsync());
        Assert.That(await client.GetByteArrayAsync($"/v1/files/a{version}"), Is.EqualTo(bytes));
    }

    [Test]
    public async Task The_SDK_does_all_by_https()
    {
        await using BigFsClient client = Client("https", _authority.AuthorityFile);
        byte[] bytes = Bytes();

        await client.UploadBytesAsync("/sdk/a", bytes);

        Assert.That(await client.ReadBytesAsync("/sdk/a"), Is.EqualTo(bytes));
        Assert.That((await client.ListAsync("/sdk").ToListAsync()).Select(entry => entry.Path.ToString()), Is.EqualTo(["/sdk/a"]));
        await client.DeleteAsync("/sdk/a");
        Assert.That(await client.FindAsync("/sdk/a"), Is.Null);
    }

    [Test]
    public async Task The_SDK_does_not_talk_to_a_gateway_of_another_authority_and_says_why()
    {
        foreach (string? authority in new[] { _stranger.AuthorityFile, null })
        {
            await using BigFsClient client = Client("https", authority);

            BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/a")))!;

            using (Assert.EnterMultipleScope())
            {
                Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
                Assert.That(refused.Message, Does.Contain("certificate").And.Contain("authority"));
                Assert.That(refused.ToString(), Does.Not.Contain(_cluster.AdminKey));
            }
        }
    }

    [Test]
    public async Task The_SDK_by_http_at_a_port_that_is_encrypted_is_told_so()
    {
        await using BigFsClient client = Client("http", authority: null);

        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/a")))!;

        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(refused.Message, Does.Contain("https://"), refused.ToString());
    }

    [Test]
    public async Task Curl_sends_and_gets_by_https_and_refuses_another_authority()
    {
        Curl.Require();
        string file = Path.Combine(_folder.FullName, "a.bin"), back = Path.Combine(_folder.FullName, "back.bin");
        await File.WriteAllBytesAsync(file, Bytes());
        string[] common = ["-s", "-H", $"Authorization: Bearer {_cluster.AdminKey}", "-w", "%{http_code}"];
        string url = $"https://{_cluster.Door}/v1/files/curl.bin";

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await Curl.RunAsync([.. common, "--cacert", _authority.AuthorityFile, "-o", "/dev/null", "-T", file, url]), Is.EqualTo((0, "201")));
            Assert.That(await Curl.RunAsync([.. common, "--cacert", _authority.AuthorityFile, "-o", back, url]), Is.EqualTo((0, "200")));
            Assert.That(await File.ReadAllBytesAsync(back), Is.EqualTo(Bytes()));

            // 60: an authority that is not known; 35: one of the right name that has not signed.
            Assert.That(await Curl.RunAsync([.. common, "-o", back, url]), Is.EqualTo((60, "000")));
            Assert.That(await Curl.RunAsync([.. common, "--cacert", _stranger.AuthorityFile, "-o", back, url]), Is.EqualTo((35, "000")));
        }
    }

    private BigFsClient Client(string scheme, string? authority) => new(new BigFsClientOptions
    {
        Endpoint = new Uri($"{scheme}://{_cluster.Door}"),
        ApiKey = _cluster.AdminKey,
        ControlAuthorityFile = authority,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        OperationTimeout = TimeSpan.FromSeconds(3),
    });

    private static byte[] Bytes()
    {
        byte[] bytes = new byte[3_000_000];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static SocketsHttpHandler Trusting(X509Certificate2 authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority);
        var handler = new SocketsHttpHandler { UseProxy = false };
        handler.SslOptions.CertificateChainPolicy = policy;
        return handler;
    }
}
