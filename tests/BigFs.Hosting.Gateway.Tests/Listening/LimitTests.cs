using System.Net;
using System.Net.Sockets;
using System.Text;
using BigFs.Hosting.Gateway.Files;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Listening;

/// <summary>What callers may take of a gateway, and what happens beyond it.</summary>
[CancelAfter(60_000)]
internal sealed class LimitTests
{
    [Test]
    public async Task Contents_beyond_the_number_are_refused_for_now_and_what_runs_goes_on()
    {
        await using GatewayCluster cluster = await StartAsync(limits => limits.BodiesInFlight = 1);
        using HttpClient client = cluster.Client();
        using TcpClient running = await ConnectAsync(cluster);
        await SendAsync(running, "PUT /v1/files/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
        Assert.That(await ReadAsync(running), Does.StartWith("HTTP/1.1 100 "), "it is under way");

        HttpResponseMessage refused = await client.PutAsync("/v1/files/b", new ByteArrayContent(new byte[10]));
        HttpResponseMessage head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/files/none"));
        await SendAsync(running, "0123456789");
        string done = await ReadAsync(running);
        HttpResponseMessage taken = await client.PutAsync("/v1/files/b", new ByteArrayContent(new byte[10]));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(refused.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(1)));
            Assert.That(head.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), "no content, no limit");
            Assert.That(done, Does.StartWith("HTTP/1.1 201 "));
            Assert.That(taken.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        }
    }

    [Test]
    public void Bytes_that_have_arrived_count_until_replicas_have_them_and_beyond_the_limit_no_upload_begins()
    {
        var load = new BodyLoad(new BigFsGatewayLimits { BodyBytesInFlight = 64L << 20 });
        BodyLoad.Body first = load.Enter(isUpload: true);
        BodyLoad.Body second = load.Enter(isUpload: true);
        first.Arrive(40 << 20);
        second.Arrive(30 << 20);

        BigFsException? full = Assert.Throws<BigFsException>(() => load.Enter(isUpload: true));
        using (BodyLoad.Body download = load.Enter(isUpload: false))
        {
            Assert.That(load.Bodies, Is.EqualTo(3));
        }

        first.Report(10 << 20);
        long held = load.Held;
        load.Enter(isUpload: true).Dispose();
        first.Dispose();
        second.Dispose();
        second.Dispose();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(full!.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
            Assert.That(full.IsTransient, Is.True);
            Assert.That(held, Is.EqualTo(60L << 20));
            Assert.That((load.Held, load.Bodies), Is.EqualTo((0L, 0)));
        }
    }

    [Test]
    public void The_more_are_under_way_the_less_each_holds()
    {
        var load = new BodyLoad(new BigFsGatewayLimits());
        var seen = new List<int>();
        for (int i = 1; i <= 100; i++)
        {
            load.Enter(isUpload: false);
            seen.Add(load.Concurrency);
        }

        Assert.That((seen[0], seen[15], seen[16], seen[63], seen[64], seen[99]), Is.EqualTo((4, 4, 2, 2, 1, 1)));
    }

    [Test]
    public async Task Connections_beyond_the_number_are_closed_and_large_headers_and_slow_ones_refused()
    {
        await using GatewayCluster cluster = await StartAsync(limits =>
        {
            limits.Connections = 3;
            limits.HeaderBytes = 4 << 10;
            limits.HeaderTimeout = TimeSpan.FromSeconds(1);
        });
        using TcpClient first = await ConnectAsync(cluster), second = await ConnectAsync(cluster), third = await ConnectAsync(cluster);
        foreach (TcpClient one in new[] { first, second, third })
        {
            await SendAsync(one, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
            Assert.That(await ReadAsync(one), Does.StartWith("HTTP/1.1 200 "));
        }

        using TcpClient fourth = await ConnectAsync(cluster);
        string beyond = await ReadAsync(fourth);
        await SendAsync(first, $"GET /health/live HTTP/1.1\r\nHost: x\r\nX: {new string('x', 5000)}\r\n\r\n");
        await SendAsync(second, "GET /health/live HTTP/1.1\r\nHost: x\r\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(beyond, Is.Empty);
            Assert.That(await ReadAsync(first), Does.StartWith("HTTP/1.1 431 "));
            Assert.That(await ReadAsync(second), Does.StartWith("HTTP/1.1 408 "));
        }
    }

    [Test]
    public async Task An_upload_that_has_stopped_is_cut_off_and_leaves_nothing()
    {
        await using GatewayCluster cluster = await StartAsync(limits =>
        {
            limits.LeastBytesPerSecond = 100_000;
            limits.SlowFor = TimeSpan.FromSeconds(2);
        });
        using TcpClient slow = await ConnectAsync(cluster);
        await SendAsync(slow, "PUT /v1/files/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
        await slow.GetStream().WriteAsync(new byte[1000]);

        string answer = await ReadAsync(slow);
        using HttpClient client = cluster.Client();

        Assert.That(answer, Is.Empty.Or.StartWith("HTTP/1.1 408 "));
        Assert.That((await client.GetAsync("/v1/files/slow")).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    private static Task<GatewayCluster> StartAsync(Action<BigFsGatewayLimits> set) =>
        GatewayCluster.StartAsync(configureGateway: options => set(options.Gateway.Limits));

    private static async Task<TcpClient> ConnectAsync(GatewayCluster cluster)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(cluster.Door));
        return client;
    }

    private static async Task SendAsync(TcpClient client, string text) => await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));

    /// <summary>What comes next; empty when the connection is closed.</summary>
    private static async Task<string> ReadAsync(TcpClient client)
    {
        byte[] buffer = new byte[16 << 10];
        try
        {
            return Encoding.ASCII.GetString(buffer, 0, await client.GetStream().ReadAsync(buffer));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
