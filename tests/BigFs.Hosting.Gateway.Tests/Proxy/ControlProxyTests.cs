using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Grpc.Net.Client;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Proxy;

/// <summary>Control calls through the gateway to the file servers behind it.</summary>
[CancelAfter(120_000)]
internal sealed class ControlProxyTests
{
    [Test]
    public async Task Calls_and_streams_of_a_file_server_pass_through()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync();
        await using BigFsClient direct = cluster.Direct();
        await direct.UploadAsync("/a/file", new MemoryStream(new byte[1000]));
        await using GrpcFileServer through = Through(cluster, null);

        BigFsEntry? found = await through.FindAsync("/a/file", default);
        OpenedFile? opened = await through.OpenAsync("/a/file", default);
        await through.CreateDirectoryAsync(Guid.NewGuid(), "/b", default);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(found, Is.TypeOf<BigFsFile>());
            Assert.That(opened, Is.Not.Null);
            Assert.That(await direct.FindAsync("/b"), Is.TypeOf<BigFsDirectory>());
            BigFsException? absent = await Assert.ThrowsAsync<BigFsException>(
                async () => await through.MoveAsync(new MoveRequest { Operation = Guid.NewGuid(), Source = "/x", Destination = "/y" }, default));
            Assert.That(absent!.Code, Is.EqualTo(BigFsErrorCode.NotFound));
        }
    }

    [Test]
    public async Task A_key_is_checked_and_goes_along_and_what_is_for_roles_is_not_passed_on()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true, datanodes: 0);
        (string id, string part) = await cluster.KeyAsync("r", "/part");
        await using BigFsClient admin = cluster.Direct(cluster.AdminKey);
        await admin.CreateDirectoryAsync("/outside");
        await admin.CreateDirectoryAsync("/part/inside");
        await using GrpcFileServer through = Through(cluster, part);
        await using GrpcFileServer nobody = Through(cluster, null);
        using GrpcChannel channel = GrpcChannel.ForAddress(cluster.Http);
        var token = new Metadata { { "bigfs-role-bin", new byte[80] } };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await through.FindAsync("/inside", default), Is.Not.Null, "the file server gave the key its root");
            Assert.That(await through.FindAsync("/outside", default), Is.Null);
            Assert.That(await CodeAsync(() => through.CreateDirectoryAsync(Guid.NewGuid(), "/x", default)), Is.EqualTo(BigFsErrorCode.NotAllowed));
            Assert.That(await CodeAsync(() => nobody.CreateDirectoryAsync(Guid.NewGuid(), "/x", default)), Is.EqualTo(BigFsErrorCode.Unauthenticated));
            RpcException? forged = await Assert.ThrowsAsync<RpcException>(async () =>
                await new Protocol.FileServer.FileServerClient(channel).DeleteAsync(new Protocol.DeleteRequest(), token));
            Assert.That(forged!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated));
            RpcException? roles = await Assert.ThrowsAsync<RpcException>(async () =>
                await new Protocol.MetadataServer.MetadataServerClient(channel).NextIncarnationAsync(new Protocol.Empty()));
            Assert.That(roles!.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
        }

        await cluster.RevokeAsync(id);
        Assert.That(
            async () => await CodeAsync(() => through.ListAsync(new() { Directory = "/", After = "", Prefix = "", Limit = 1 }, default)),
            Is.EqualTo(BigFsErrorCode.Unauthenticated).After(10_000, 50));
    }

    [Test]
    public async Task With_one_file_server_dead_no_call_fails_and_with_all_dead_it_is_said()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(datanodes: 0, fileServers: 2);
        BigFsRoleHost[] servers = [.. cluster.Hosts.Where(host => host.Roles.Any(role => role.Role == BigFsRoleNames.FileServer))];
        using GrpcChannel channel = GrpcChannel.ForAddress(cluster.Http);
        var client = new Protocol.FileServer.FileServerClient(channel);
        await CallAsync(client, 50);

        await cluster.StopAsync(servers[0]);
        await CallAsync(client, 200);
        BigFsRoleHost third = await cluster.AddFileServerAsync();
        await cluster.StopAsync(servers[1]);
        await CallAsync(client, 200);
        await cluster.StopAsync(third);

        RpcException? none = await Assert.ThrowsAsync<RpcException>(async () => await CallAsync(client, 1));
        Assert.That(none!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
    }

    [Test]
    public async Task A_file_server_that_cannot_be_reached_costs_no_call_and_is_forgotten_when_its_lease_ends()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(datanodes: 0);
        using var nobody = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        nobody.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        string dead = nobody.LocalEndPoint!.ToString()!.Replace("[::ffff:127.0.0.1]", "127.0.0.1", StringComparison.Ordinal);
        using GrpcChannel names = GrpcChannel.ForAddress("http://" + cluster.ControlEndpoint);
        using GrpcChannel channel = GrpcChannel.ForAddress(cluster.Http);
        var client = new Protocol.FileServer.FileServerClient(channel);
        await CallAsync(client, 1);
        var instance = new Protocol.ServiceInstance { Role = (int)ServiceRole.FileServer, Id = "dead", Endpoint = dead };
        await new Protocol.NameServer.NameServerClient(names).RegisterAsync(instance);

        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(2))
        {
            await CallAsync(client, 20);
        }

        using var channels = new ChannelCache(TimeSpan.FromSeconds(5));
        await using var watch = new GrpcNameServer(cluster.ControlEndpoint, channels, new ControlTimeouts(), TimeProvider.System);
        while ((await watch.ResolveAsync(ServiceRole.FileServer, default)).Length > 1)
        {
            await CallAsync(client, 20);
        }

        await CallAsync(client, 20);
        Assert.That(System.Diagnostics.Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(20)), "4 s on a machine with nothing else to do");
    }

    private static async Task CallAsync(Protocol.FileServer.FileServerClient client, int times)
    {
        for (int i = 0; i < times; i++)
        {
            await client.FindAsync(new Protocol.FindRequest { Path = "/" }, deadline: DateTime.UtcNow.AddSeconds(20));
        }
    }

    private static GrpcFileServer Through(GatewayCluster cluster, string? key) =>
        new(new FixedInstances([cluster.Door]), new ControlTimeouts(), TimeProvider.System, ChannelSecurity.Of(key, null));

    private static async Task<BigFsErrorCode?> CodeAsync<T>(Func<ValueTask<T>> call) => await CodeAsync(async ValueTask () => await call());

    private static async Task<BigFsErrorCode?> CodeAsync(Func<ValueTask> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (BigFsException error)
        {
            return error.Code;
        }
    }
}
