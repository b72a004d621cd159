using BigFs.Core.Tests.Transfer;
using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>The control plane encrypted: who does not trust, is not trusted or does not speak TLS gets a sentence, no bytes.</summary>
[CancelAfter(120_000)]
internal sealed class ControlTlsTests
{
    [Test]
    public async Task Roles_and_clients_that_trust_the_authority_work_encrypted([Values] bool roleCertificates)
    {
        using var authority = new TestAuthority();
        (string certificate, string key) = authority.Issue("127.0.0.1");
        void Encrypt(BigFsRoleHostOptions options)
        {
            (options.ControlCertificateFile, options.ControlKeyFile) = (certificate, key);
            options.ControlAuthorityFile = authority.AuthorityFile;
            options.ControlRoleCertificates = roleCertificates;
        }

        void Trust(BigFsClientOptions options) => options.ControlAuthorityFile = authority.AuthorityFile;
        await using KeyedCluster cluster = await KeyedCluster.StartAsync(Encrypt, Trust);
        await using BigFsClient client = cluster.Client(cluster.AdminKey, Trust);
        byte[] content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

        await client.UploadBytesAsync("/file", content);

        Assert.That(await client.ReadBytesAsync("/file"), Is.EqualTo(content));
    }

    [Test]
    public async Task A_client_without_encryption_an_untrusted_server_and_a_server_without_it_are_each_told_in_a_sentence()
    {
        using var authority = new TestAuthority();
        using var other = new TestAuthority();
        (string certificate, string key) = authority.Issue("127.0.0.1");
        await using BigFsRoleHost encrypted = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer],
            ControlCertificateFile = certificate,
            ControlKeyFile = key,
            ControlAuthorityFile = authority.AuthorityFile,
        });
        await using BigFsRoleHost plain = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions { Roles = [BigFsRoleNames.NameServer] });

        Assert.Multiple(async () =>
        {
            Assert.That(await SentenceAsync(encrypted, null), Does.Contain("ControlAuthorityFile is needed"));
            Assert.That(await SentenceAsync(encrypted, other.AuthorityFile), Does.Contain("its certificate is not one of the authority's"));
            Assert.That(await SentenceAsync(plain, authority.AuthorityFile), Does.Contain("speaks no TLS"));
        });
    }

    [Test]
    public async Task A_certificate_for_another_host_is_not_believed()
    {
        using var authority = new TestAuthority();
        (string certificate, string key) = authority.Issue("192.0.2.1");
        await using BigFsRoleHost host = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer],
            ControlCertificateFile = certificate,
            ControlKeyFile = key,
            ControlAuthorityFile = authority.AuthorityFile,
        });

        Assert.That(await SentenceAsync(host, authority.AuthorityFile), Does.Contain("its certificate is not one of the authority's"));
    }

    [Test]
    public async Task Without_a_certificate_no_proof_of_a_role_is_enough_where_one_is_asked_for()
    {
        using var authority = new TestAuthority();
        (string certificate, string key) = authority.Issue("127.0.0.1");
        using var folder = new TemporaryDirectory();
        await using BigFsRoleHost control = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NameServer, BigFsRoleNames.NodeManager],
            DataDirectory = folder.Path,
            ClusterSecret = KeyedCluster.Secret,
            RequireKeys = true,
            ControlCertificateFile = certificate,
            ControlKeyFile = key,
            ControlAuthorityFile = authority.AuthorityFile,
            ControlRoleCertificates = true,
        });
        var security = new BigFs.Internal.Grpc.ChannelSecurity
        {
            Tls = new Core.Transfer.TransferClientTls { AuthorityFile = authority.AuthorityFile },
            Credentials = new Hosting.Access.Grpc.RoleInterceptor(
                new Core.Security.RoleTokenSigner(Core.Security.ClusterSecret.Parse(KeyedCluster.Secret, "test"), 1, TimeProvider.System),
                [Core.Control.ServiceRole.FileServer]),
        };
        using var channels = new BigFs.Internal.Grpc.ChannelCache(TimeSpan.FromSeconds(5), security);
        await using var names = new BigFs.Internal.Grpc.GrpcNameServer(
            control.Roles[0].Endpoint, channels, new BigFs.Internal.Grpc.ControlTimeouts(), TimeProvider.System);

        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(
            () => names.ResolveAsync(Core.Control.ServiceRole.NodeManager, default).AsTask()))!;

        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unauthenticated));
        Assert.That(refused.Message, Does.Contain("certificate"));
    }

    private static async Task<string> SentenceAsync(BigFsRoleHost host, string? authority)
    {
        await using var client = new BigFsClient(new BigFsClientOptions
        {
            Endpoint = new Uri($"bigfs://{host.Roles[0].Endpoint}"),
            ConnectTimeout = TimeSpan.FromSeconds(2),
            ControlAuthorityFile = authority,
        });
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/")))!;
        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unavailable), refused.Message);
        return refused.Message;
    }
}
