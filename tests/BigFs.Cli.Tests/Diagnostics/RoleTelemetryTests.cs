using System.Net;
using System.Text.Json;
using BigFs.Cli.Diagnostics;
using BigFs.Cli.Settings;
using BigFs.Hosting;
using BigFs.Hosting.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Cli.Tests.Diagnostics;

internal sealed class RoleTelemetryTests
{
    [Test]
    public async Task Health_and_metrics_are_served_over_http_and_ready_follows_the_roles()
    {
        using var folder = new TemporaryFolder();
        var options = new RunOptions { HttpListen = "127.0.0.1:0" };
        options.Host.Roles = [.. BigFsRoleNames.All];
        options.Host.GatewayEngine = BigFsGateway.Engine;
        options.Host.DataDirectory = folder.Path;
        options.Host.Replicas = 1;
        await using RoleTelemetry telemetry = await RoleTelemetry.StartAsync(options, NullLoggerFactory.Instance, default);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{telemetry.Endpoint}") };
        HttpStatusCode liveEarly = (await http.GetAsync("/health/live")).StatusCode;
        HttpStatusCode readyEarly = (await http.GetAsync("/health/ready")).StatusCode;
        await using BigFsRoleHost host = await BigFsRoleHost.StartAsync(options.Host);
        telemetry.Watch(host);
        await using var client = new BigFsClient(new Uri($"bigfs://{host.Roles[0].Endpoint}"));
        await client.UploadAsync("/file", new MemoryStream(new byte[12_345]));

        HttpResponseMessage ready = await http.GetAsync("/health/ready");
        using var body = JsonDocument.Parse(await ready.Content.ReadAsStringAsync());
        string metrics = await http.GetStringAsync("/metrics");
        telemetry.Watch(null);
        HttpStatusCode readyLate = (await http.GetAsync("/health/ready")).StatusCode;

        using (Assert.EnterMultipleScope())
        {
            Assert.That((liveEarly, readyEarly, ready.StatusCode, readyLate), Is.EqualTo((
                HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable)));
            Assert.That(
                body.RootElement.GetProperty("roles").EnumerateArray().Select(role => role.GetProperty("role").GetString()),
                Is.EqualTo(BigFsRoleNames.All));
            Assert.That(metrics, Does.Contain("bigfs_nodes{").And.Contain("bigfs_volumes{").And.Contain("bigfs_log_flush_duration_seconds_bucket")
                .And.Contain("dotnet_process_cpu_time").And.Contain("operation=\"write\""));
            Assert.That((await http.GetAsync("/elsewhere")).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That((await http.PostAsync("/health/live", null)).StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        }
    }

    [Test]
    public async Task Without_settings_nothing_listens()
    {
        await using RoleTelemetry telemetry = await RoleTelemetry.StartAsync(new RunOptions(), NullLoggerFactory.Instance, default);

        Assert.That(telemetry.Endpoint, Is.Empty);
    }

    [TestCase("0.0.0.0:0", null, "HttpListen")]
    [TestCase("here", null, "HttpListen")]
    [TestCase(null, "localhost", "OtlpEndpoint")]
    [TestCase(null, "ftp://a:1", "OtlpEndpoint")]
    public async Task A_wrong_setting_is_named(string? listen, string? otlp, string setting)
    {
        var options = new RunOptions { HttpListen = listen, OtlpEndpoint = otlp };

        BigFsException? caught = await Assert.ThrowsAsync<BigFsException>(
            () => RoleTelemetry.StartAsync(options, NullLoggerFactory.Instance, default));

        Assert.That((caught!.Code, caught.Message.Contains(setting)), Is.EqualTo((BigFsErrorCode.InvalidSettings, true)));
    }
}
