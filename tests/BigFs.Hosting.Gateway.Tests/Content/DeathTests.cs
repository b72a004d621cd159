using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>What dies while a client of the gateway is at work: it notices nothing, or is told plainly.</summary>
[CancelAfter(120_000)]
internal sealed class DeathTests
{
    private const int Length = 12 << 20;

    private GatewayCluster _cluster = null!;
    private int _files;

    [SetUp]
    public async Task Start() => _cluster = await GatewayCluster.StartAsync(datanodes: 3, fileServers: 2);

    [TearDown]
    public async Task Stop() => await _cluster.DisposeAsync();

    [Test]
    public async Task An_upload_and_a_download_go_on_through_the_other_gateway()
    {
        byte[] content = Bytes(Length);
        BigFsRoleHost first = await GatewayAsync();
        await using var client = new BigFsClient(BigFsEndpoint.Parse($"http://{EndpointOf(first)},{_cluster.Door}"));
        using var source = new Interrupted(content, Length / 2, () => first.DisposeAsync().AsTask());

        UploadResult result = await client.UploadAsync("/two/file", source);
        Assert.That(result.File.Size, Is.EqualTo(Length));
        Assert.That(await client.ReadBytesAsync("/two/file"), Is.EqualTo(content));

        BigFsRoleHost second = await GatewayAsync();
        await using var reader = new BigFsClient(BigFsEndpoint.Parse($"http://{EndpointOf(second)},{_cluster.Door}"));
        await using BigFsReadStream stream = await reader.OpenReadAsync("/two/file");
        byte[] back = new byte[Length];
        await stream.ReadExactlyAsync(back.AsMemory(0, Length / 3));
        await second.DisposeAsync();
        await stream.ReadExactlyAsync(back.AsMemory(Length / 3));
        Assert.That(back.AsSpan().SequenceEqual(content));
    }

    [Test]
    public async Task A_sole_gateway_that_comes_back_is_waited_for()
    {
        byte[] content = Bytes(Length);
        BigFsRoleHost gateway = await GatewayAsync();
        string door = EndpointOf(gateway);
        await using var client = new BigFsClient(new Uri("http://" + door));
        BigFsRoleHost? again = null;
        using var source = new Interrupted(content, Length / 2, async () =>
        {
            await gateway.DisposeAsync();
            again = await GatewayAsync(door);
        });

        await client.UploadAsync("/sole/file", source);
        await using BigFsReadStream stream = await client.OpenReadAsync("/sole/file");
        byte[] back = new byte[Length];
        await stream.ReadExactlyAsync(back.AsMemory(0, 1000));
        await again!.DisposeAsync();
        Task rest = stream.ReadExactlyAsync(back.AsMemory(1000)).AsTask();
        Task<BigFsEntry?> find = client.FindAsync("/sole/file");
        await using BigFsRoleHost third = await GatewayAsync(door);
        await rest;

        Assert.That(back.AsSpan().SequenceEqual(content));
        Assert.That(await find, Is.Not.Null);
    }

    [Test]
    public async Task A_source_that_cannot_be_read_again_fails_plainly_and_what_was_there_stays()
    {
        BigFsRoleHost gateway = await GatewayAsync();
        await using var client = new BigFsClient(new Uri("http://" + EndpointOf(gateway)));
        await client.UploadBytesAsync("/plain/file", Bytes(10));
        using var source = new PipeSource(Bytes(Length), 100_000);
        source.OnRead = async (handedOut, _) =>
        {
            if (handedOut > Length / 2)
            {
                source.OnRead = null;
                await gateway.DisposeAsync();
            }
        };

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/plain/file", source)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable), error.ToString());
        Assert.That(error.Message, Does.Contain("nothing was stored"));
        await using BigFsClient direct = _cluster.Direct();
        Assert.That(await direct.ReadBytesAsync("/plain/file"), Is.EqualTo(Bytes(10)));
    }

    [Test]
    public async Task File_servers_and_datanodes_that_die_behind_it_are_not_noticed([Values("file server", "datanode")] string role)
    {
        byte[] content = Bytes(Length);
        BigFsRoleHost dying = _cluster.Hosts.Last(host => host.Roles.Any(
            one => one.Role == (role == "datanode" ? BigFsRoleNames.DataNode : BigFsRoleNames.FileServer)));
        await using var client = new BigFsClient(_cluster.Http);
        await client.UploadBytesAsync("/behind/before", content);
        await using BigFsReadStream stream = await client.OpenReadAsync("/behind/before");
        byte[] back = new byte[Length];
        await stream.ReadExactlyAsync(back.AsMemory(0, Length / 3));
        using var source = new Interrupted(content, Length / 2, async () => await _cluster.StopAsync(dying));

        await client.UploadAsync("/behind/during", source);
        await stream.ReadExactlyAsync(back.AsMemory(Length / 3));

        Assert.That(back.AsSpan().SequenceEqual(content));
        Assert.That(await client.ReadBytesAsync("/behind/during"), Is.EqualTo(content));
        for (int i = 0; i < 20; i++)
        {
            await client.UploadBytesAsync($"/behind/after-{i}", Bytes(1000));
            Assert.That(await client.FindAsync($"/behind/after-{i}"), Is.Not.Null);
        }
    }

    private static string EndpointOf(BigFsRoleHost gateway) => gateway.Roles.Single(role => role.Role == BigFsRoleNames.Gateway).Endpoint;

    private byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(++_files).NextBytes(bytes);
        return length == 10 ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : bytes;
    }

    /// <summary>A gateway of the test's own, which ends at once when it is disposed of.</summary>
    private Task<BigFsRoleHost> GatewayAsync(string listen = "127.0.0.1:0") => BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
    {
        NameServer = _cluster.ControlEndpoint,
        StopTimeout = TimeSpan.FromMilliseconds(1),
    }.UseGateway(gateway => gateway.Listen = listen));

    /// <summary>A source that can seek, at one place of which something happens once.</summary>
    private sealed class Interrupted(byte[] content, int place, Func<Task> happen) : MemoryStream(content)
    {
        private Func<Task>? _happen = happen;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position >= place && Interlocked.Exchange(ref _happen, null) is { } now)
            {
                await now();
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
