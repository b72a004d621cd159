using System.Net;
using Grpc.Health.V1;
using Grpc.Net.Client;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Listening;

/// <summary>The gateway as a role among the others, and its port.</summary>
[CancelAfter(60_000)]
internal sealed class RoleTests
{
    [Test]
    public async Task A_gateway_holds_a_lease_and_tells_health_by_every_protocol_of_its_one_port()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync();
        using HttpClient one = cluster.Client();
        using HttpClient two = cluster.Client(version: HttpVersion.Version20);
        using GrpcChannel channel = GrpcChannel.ForAddress(cluster.Http);

        IReadOnlyList<BigFsInstance> found = await BigFsInstance.ListAsync(cluster.Endpoint);
        HttpResponseMessage live = await one.GetAsync("/health/live");
        HttpResponseMessage ready = await two.GetAsync("/health/ready");
        HealthCheckResponse grpc = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.Single(instance => instance.Role == BigFsRoleNames.Gateway).Endpoint, Is.EqualTo(cluster.Door));
            Assert.That((live.StatusCode, live.Version), Is.EqualTo((HttpStatusCode.OK, HttpVersion.Version11)));
            Assert.That((ready.StatusCode, ready.Version), Is.EqualTo((HttpStatusCode.OK, HttpVersion.Version20)));
            Assert.That(grpc.Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.Serving));
            Assert.That((await cluster.Hosts[^1].CheckAsync()).Select(role => role.IsReady), Is.All.True);
        }
    }

    [Test]
    public async Task Without_file_servers_it_lives_and_is_not_ready()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(fileServers: 0, datanodes: 0);
        using HttpClient client = cluster.Client();

        HttpResponseMessage ready = await client.GetAsync("/health/ready");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await client.GetAsync("/health/live")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(ready.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(await ready.Content.ReadAsStringAsync(), Does.Contain("\"code\":\"Unavailable\"").And.Contain("No file server"));
        }
    }

    [Test]
    public async Task An_embedded_cluster_has_a_gateway_when_it_is_asked_for_and_names_it()
    {
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions { InMemory = true, DataNodes = 1 }.UseGateway());
        string door = cluster.Roles.Single(role => role.Role == BigFsRoleNames.Gateway).Endpoint;
        using var client = new HttpClient();

        Assert.That(await client.GetStringAsync($"http://{door}/health/ready"), Is.EqualTo("ready\n"));
    }

    [Test]
    public void Wrong_settings_stop_the_start_with_their_names()
    {
        var noEngine = new BigFsRoleHostOptions { Roles = [BigFsRoleNames.Gateway], NameServer = "127.0.0.1:1" };
        Assert.That(() => noEngine.Validate(), Throws.TypeOf<BigFsException>().With.Message.Contain("GatewayEngine"));
        Assert.That(() => Wrong(gateway => gateway.Listen = "0.0.0.0:0"), Throws.TypeOf<BigFsException>().With.Message.Contain("RequireKeys"));
        Assert.That(() => Wrong(gateway => gateway.Advertise = "x"), Throws.TypeOf<BigFsException>().With.Message.Contain("GatewayAdvertise"));
        Assert.That(() => Wrong(gateway => gateway.KeyFile = "k"), Throws.TypeOf<BigFsException>().With.Message.Contain("GatewayCertificateFile"));
        Assert.That(
            () => Wrong(gateway => gateway.Limits.BodiesInFlight = 0), Throws.TypeOf<BigFsException>().With.Message.Contain("GatewayBodiesInFlight"));
        Assert.That(
            () => new BigFsClusterOptions { GatewayEngine = BigFsGateway.Engine }.Validate(),
            Throws.TypeOf<BigFsException>().With.Message.Contain("GatewayEngine"));

        static void Wrong(Action<BigFsGatewayOptions> set) =>
            new BigFsRoleHostOptions { NameServer = "127.0.0.1:1" }.UseGateway(set).Validate();
    }

    [Test]
    public async Task A_route_that_is_not_there_is_a_problem_and_so_is_a_method_that_a_route_does_not_take()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(fileServers: 0, datanodes: 0);
        using HttpClient client = cluster.Client();

        HttpResponseMessage absent = await client.GetAsync("/nothing");
        HttpResponseMessage other = await client.PostAsync("/health/live", null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(absent.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That(absent.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
            Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
            Assert.That(other.Content.Headers.Allow, Does.Contain("GET"));
            Assert.That(other.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        }
    }

    [Test]
    public async Task A_connection_that_says_nothing_is_closed_after_its_time()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(
            fileServers: 0, datanodes: 0, configureGateway: options => options.Gateway.Limits.IdleTimeout = TimeSpan.FromSeconds(1));
        using var silent = new System.Net.Sockets.TcpClient();
        await silent.ConnectAsync(IPEndPoint.Parse(cluster.Door));

        int read;
        try
        {
            read = await silent.GetStream().ReadAsync(new byte[1]);
        }
        catch (IOException)
        {
            read = 0;
        }

        Assert.That(read, Is.Zero);
    }
}
