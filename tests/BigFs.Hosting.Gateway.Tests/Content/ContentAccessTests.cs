using BigFs.Core.Security;
using BigFs.Hosting.Access;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>Keys, rights and roots, for clients that reach only the gateway.</summary>
[CancelAfter(120_000)]
internal sealed class ContentAccessTests
{
    private GatewayCluster _cluster = null!;

    [OneTimeSetUp]
    public async Task Start() => _cluster = await GatewayCluster.StartAsync(keys: true);

    [OneTimeTearDown]
    public async Task Stop() => await _cluster.DisposeAsync();

    [Test]
    public void The_calls_of_contents_ask_for_the_right_that_they_use()
    {
        Assert.That(RpcPolicies.ByMethod["/bigfs.v1.Content/Upload"].Rights, Is.EqualTo(AccessRights.Write));
        Assert.That(RpcPolicies.ByMethod["/bigfs.v1.Content/Download"].Rights, Is.EqualTo(AccessRights.Read));
    }

    [Test]
    public async Task Who_has_no_key_or_a_revoked_one_or_another_right_is_refused()
    {
        (string id, string revoked) = await _cluster.KeyAsync("rw");
        await _cluster.RevokeAsync(id);
        await using (BigFsClient writer = Client((await _cluster.KeyAsync("w")).Text))
        {
            await writer.UploadBytesAsync("/rights/file", new byte[200_000]);
            await FailsAsync(BigFsErrorCode.NotAllowed, () => writer.ReadBytesAsync("/rights/file"));
        }

        await using (BigFsClient reader = Client((await _cluster.KeyAsync("r")).Text))
        {
            Assert.That(await reader.ReadBytesAsync("/rights/file"), Has.Length.EqualTo(200_000));
            await FailsAsync(BigFsErrorCode.NotAllowed, () => reader.UploadBytesAsync("/rights/other", new byte[10]));
            await FailsAsync(BigFsErrorCode.NotAllowed, () => reader.OpenWriteAsync("/rights/other"));
        }

        foreach (string? key in new[] { null, revoked })
        {
            await using BigFsClient nobody = Client(key);
            await FailsAsync(BigFsErrorCode.Unauthenticated, () => nobody.UploadBytesAsync("/rights/other", new byte[10]));
            await FailsAsync(BigFsErrorCode.Unauthenticated, () => nobody.ReadBytesAsync("/rights/file"));
            await FailsAsync(BigFsErrorCode.Unauthenticated, () => nobody.FindAsync("/rights/file"));
        }
    }

    [Test]
    public async Task Two_roots_never_see_each_other()
    {
        await using BigFsClient one = Client((await _cluster.KeyAsync("rw", "/roots/one")).Text);
        await using BigFsClient two = Client((await _cluster.KeyAsync("rw", "/roots/two")).Text);
        await using BigFsClient all = Client(_cluster.AdminKey);
        byte[] small = Bytes(100), large = Bytes(3 << 20);

        await one.UploadBytesAsync("/file", small);
        await two.UploadBytesAsync("/file", large, new UploadOptions { ChunkSize = 1 << 20 });
        await using BigFsReadStream open = await two.OpenReadAsync("/file");
        await two.UploadBytesAsync("/file", small);
        byte[] back = new byte[large.Length];
        await open.ReadExactlyAsync(back);

        Assert.That(back.AsSpan().SequenceEqual(large), "a version that was replaced, below a root");
        Assert.That(await one.ReadBytesAsync("/file"), Is.EqualTo(small));
        Assert.That(await all.FindAsync("/roots/two/file"), Is.Not.Null);
        await FailsAsync(BigFsErrorCode.NotFound, () => one.ReadBytesAsync("/roots/two/file"));
        Assert.That(await one.ListAsync("/").Select(entry => entry.Path.ToString()).ToArrayAsync(), Is.EqualTo(new[] { "/file" }));
    }

    [Test]
    public async Task A_key_that_is_revoked_ends_what_it_had_opened()
    {
        (string id, string key) = await _cluster.KeyAsync("rw");
        await using BigFsClient client = Client(key);
        await client.UploadBytesAsync("/revoked/file", Bytes(3 << 20));
        await using BigFsReadStream open = await client.OpenReadAsync("/revoked/file");
        Assert.That(open.ReadByte(), Is.Not.Negative);

        await _cluster.RevokeAsync(id);

        BigFsException? refused = null;
        bool atStart = false;
        await Until.TrueAsync(
            () =>
            {
                try
                {
                    // Far from where it was read last, so that the gateway is asked.
                    open.Position = atStart ? 0 : 2 << 20;
                    atStart = !atStart;
                    _ = open.ReadByte();
                    return false;
                }
                catch (BigFsException error)
                {
                    refused = error;
                    return true;
                }
            },
            "a refusal");
        Assert.That(refused!.Code, Is.EqualTo(BigFsErrorCode.Unauthenticated));
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(3).NextBytes(bytes);
        return bytes;
    }

    private static async Task FailsAsync(BigFsErrorCode code, Func<Task> operation)
    {
        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(async () => await operation()))!;
        Assert.That(error.Code, Is.EqualTo(code), error.Message);
    }

    private BigFsClient Client(string? key) => new(new BigFsClientOptions { Endpoint = _cluster.Http, ApiKey = key });
}
