using System.Net;
using System.Security.Cryptography.X509Certificates;
using BigFs.Core.Tests.Transfer;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Listening;

/// <summary>The gateway's port encrypted, and the gateway among roles that are encrypted themselves.</summary>
[CancelAfter(120_000)]
internal sealed class TlsTests
{
    [Test]
    public async Task Files_travel_encrypted_on_every_plane_over_both_versions()
    {
        using var authority = new TestAuthority();
        (string certificate, string key) = authority.Issue("127.0.0.1");
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(
            keys: true,
            configureRole: options =>
            {
                (options.ControlCertificateFile, options.ControlKeyFile, options.ControlAuthorityFile) = (certificate, key, authority.AuthorityFile);
                (options.TransferCertificateFile, options.TransferKeyFile, options.TransferAuthorityFile) = (certificate, key, authority.AuthorityFile);
                options.ControlRoleCertificates = true;
                options.TransferClientCertificates = true;
            },
            configureGateway: options => (options.Gateway.CertificateFile, options.Gateway.KeyFile) = (certificate, key));
        using X509Certificate2 trusted = X509CertificateLoader.LoadCertificateFromFile(authority.AuthorityFile);
        byte[] bytes = new byte[3_000_000];
        new Random(1).NextBytes(bytes);
        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var client = new HttpClient(Trusting(trusted))
            {
                BaseAddress = new Uri($"https://{cluster.Door}"),
                DefaultRequestVersion = version,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            client.DefaultRequestHeaders.Authorization = new("Bearer", cluster.AdminKey);

            HttpResponseMessage put = await client.PutAsync($"/v1/files/a{version}", new ByteArrayContent(bytes));

            Assert.That((put.StatusCode, put.Version), Is.EqualTo((HttpStatusCode.Created, version)), await put.Content.ReadAsStringAsync());
            Assert.That(await client.GetByteArrayAsync($"/v1/files/a{version}"), Is.EqualTo(bytes));
        }
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
