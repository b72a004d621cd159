using BigFs.Core.Tests.Transfer;
using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>Roles on sockets whose secrets and certificates agree, or do not.</summary>
[CancelAfter(60_000)]
public sealed class SecuredRolesTests
{
    private const string Secret = "1:0101010101010101010101010101010101010101010101010101010101010101";
    private const string OtherSecret = "1:0202020202020202020202020202020202020202020202020202020202020202";

    private static readonly string[] Control =
        [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager, BigFsRoleNames.FileServer];

    [Test]
    public async Task A_datanode_with_the_clusters_secret_takes_and_gives_chunks([Values(4096, 300_000)] int length)
    {
        using var folder = new TemporaryDirectory();
        await using Pair pair = await Pair.StartAsync(folder, Secret, Secret);
        await using BigFsClient client = pair.Client();
        byte[] content = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];

        await client.UploadAsync("/a", new MemoryStream(content));

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
    }

    [Test]
    public async Task A_datanode_with_another_secret_takes_nothing_and_the_error_says_what_it_is([Values(4096, 300_000)] int length)
    {
        using var folder = new TemporaryDirectory();
        await using Pair pair = await Pair.StartAsync(folder, Secret, OtherSecret);
        await using BigFsClient client = pair.Client();

        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/a", new MemoryStream(new byte[length]))))!;

        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.NotAllowed));
        Assert.That(refusal.Message, Does.Contain("Forged"));
    }

    [Test]
    public async Task A_secret_that_is_being_changed_is_accepted_under_both_keys()
    {
        string next = OtherSecret.Replace("1:", "2:", StringComparison.Ordinal);
        using var folder = new TemporaryDirectory();
        await using Pair pair = await Pair.StartAsync(folder, $"{next},{Secret}", $"{Secret},{next}");
        await using BigFsClient client = pair.Client();

        await client.UploadAsync("/a", new MemoryStream(new byte[10]));

        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(new byte[10]));
    }

    [Test]
    public async Task An_encrypted_datanode_serves_who_trusts_its_authority_and_nobody_else(
        [Values(4096, 300_000)] int length, [Values] bool clientCertificates)
    {
        using var folder = new TemporaryDirectory();
        using var authority = new TestAuthority();
        (string certificate, string key) = authority.Issue("127.0.0.1");
        await using Pair pair = await Pair.StartAsync(folder, Secret, Secret, options =>
        {
            options.TransferCertificateFile = certificate;
            options.TransferKeyFile = key;
            options.TransferAuthorityFile = authority.AuthorityFile;
            options.TransferClientCertificates = clientCertificates;
        });
        await using BigFsClient trusting = pair.Client(options =>
        {
            options.TransferAuthorityFile = authority.AuthorityFile;
            options.TransferCertificateFile = clientCertificates ? certificate : null;
            options.TransferKeyFile = clientCertificates ? key : null;
        });
        await using BigFsClient plain = pair.Client();
        byte[] content = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];

        await trusting.UploadAsync("/a", new MemoryStream(content));

        Assert.That(await trusting.ReadBytesAsync("/a"), Is.EqualTo(content));
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => plain.ReadBytesAsync("/a")))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(pair.DataNodeEndpoint, Does.StartWith("tls://"));
    }

    [Test]
    public async Task Settings_that_do_not_go_together_are_refused()
    {
        var options = new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.DataNode],
            DataDirectory = "/nowhere",
            NameServer = "127.0.0.1:1",
            ClusterSecret = Secret,
            TransferCertificateFile = "/a.pem",
        };

        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => BigFsRoleHost.StartAsync(options)))!;

        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refusal.Message, Does.Contain("TransferKeyFile"));
    }

    /// <summary>A process of the control roles and one of a datanode, as it were.</summary>
    private sealed class Pair(BigFsRoleHost control, BigFsRoleHost datanode) : IAsyncDisposable
    {
        public string DataNodeEndpoint => datanode.Roles[0].Endpoint;

        public static async Task<Pair> StartAsync(
            TemporaryDirectory folder, string secret, string datanodeSecret, Action<BigFsRoleHostOptions>? configure = null)
        {
            BigFsRoleHost control = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
            {
                Roles = [.. Control],
                DataDirectory = folder.Path,
                ClusterSecret = secret,
                Replicas = 1,
            });
            var options = new BigFsRoleHostOptions
            {
                Roles = [BigFsRoleNames.DataNode],
                DataDirectory = Path.Combine(folder.Path, "datanode"),
                ClusterSecret = datanodeSecret,
                NameServer = control.Roles[0].Endpoint,
            };
            configure?.Invoke(options);
            return new Pair(control, await BigFsRoleHost.StartAsync(options));
        }

        public BigFsClient Client(Action<BigFsClientOptions>? configure = null)
        {
            var options = new BigFsClientOptions
            {
                Endpoint = new Uri($"bigfs://{control.Roles[0].Endpoint}"),
                StallTimeout = TimeSpan.FromSeconds(2),
            };
            configure?.Invoke(options);
            return new BigFsClient(options);
        }

        public async ValueTask DisposeAsync()
        {
            await datanode.DisposeAsync();
            await control.DisposeAsync();
        }
    }
}
