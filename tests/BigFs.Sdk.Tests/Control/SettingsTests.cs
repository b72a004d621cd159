using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Moq;

namespace BigFs.Sdk.Tests.Control;

internal sealed class SettingsTests
{
    [TestCase("http://127.0.0.1:80/v1", "more than host and port")]
    [TestCase("https://me@127.0.0.1", "more than host and port")]
    [TestCase("http://127.0.0.1:80?or=x", "?or=host:port")]
    [TestCase("ftp://127.0.0.1:80", "scheme")]
    [TestCase("bigfs://127.0.0.1", "port")]
    [TestCase("bigfs:/127.0.0.1", "host")]
    [TestCase("bigfs://127.0.0.1:7400/a", "more than host and port")]
    [TestCase("bigfs://me@127.0.0.1:7400", "more than host and port")]
    [TestCase("somewhere", "Endpoint")]
    public void An_endpoint_of_another_form_is_refused_in_the_constructor(string endpoint, string says)
    {
        BigFsException error = Assert.Throws<BigFsException>(
            () => _ = new BigFsClient(new Uri(endpoint, UriKind.RelativeOrAbsolute)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(error.Message, Does.Contain("Endpoint").And.Contain(says).And.Contain("host:port"));
    }

    [TestCase(nameof(BigFsClientOptions.ConnectTimeout))]
    [TestCase(nameof(BigFsClientOptions.OperationTimeout))]
    [TestCase(nameof(BigFsClientOptions.StallTimeout))]
    public void A_time_out_out_of_range_is_named(string setting)
    {
        foreach (TimeSpan wrong in new[] { TimeSpan.Zero, TimeSpan.FromSeconds(-1), TimeSpan.FromDays(2) })
        {
            var options = new BigFsClientOptions();
            typeof(BigFsClientOptions).GetProperty(setting)!.SetValue(options, wrong);

            BigFsException error = Assert.Throws<BigFsException>(() => _ = new BigFsClient(options))!;

            Assert.That(error.Message, Does.Contain(setting));
        }
    }

    [Test]
    public async Task An_unreachable_endpoint_is_told_with_its_address_within_the_connect_time_out()
    {
        await using var client = new BigFsClient(new BigFsClientOptions
        {
            Endpoint = new Uri("bigfs://127.0.0.1:1"),
            ConnectTimeout = TimeSpan.FromMilliseconds(300),
        });

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.FindAsync("/a")))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(error.Message, Does.Contain("127.0.0.1:1"));
    }

    [Test]
    public async Task A_container_gives_one_client_and_others_by_key()
    {
        var services = new ServiceCollection();
        services.AddBigFsClient(options => options.Endpoint = new Uri("bigfs://127.0.0.1:7401"));
        services.AddKeyedBigFsClient("other", Section(("Endpoint", "bigfs://127.0.0.1:7402"), ("stalltimeout", "00:01:00")));
        await using ServiceProvider provider = services.BuildServiceProvider();

        var client = provider.GetRequiredService<IBigFsClient>();
        var again = provider.GetRequiredService<IBigFsClient>();
        var keyed = provider.GetRequiredKeyedService<IBigFsClient>("other");
        Assert.That(again, Is.SameAs(client));
        Assert.That(keyed, Is.Not.SameAs(client));
        BigFsClientOptions other = provider.GetRequiredService<IOptionsMonitor<BigFsClientOptions>>().Get("other");
        Assert.That(other.StallTimeout, Is.EqualTo(TimeSpan.FromMinutes(1)));
        Assert.That(other.Endpoint.Port, Is.EqualTo(7402));
    }

    [TestCase("Endpoint", "http://host:80/path", "gateway")]
    [TestCase("Endpoint", "nonsense", "BigFs:Endpoint")]
    [TestCase("StallTimeout", "soon", "BigFs:StallTimeout")]
    [TestCase("StallTimeout", "00:00:00", "StallTimeout")]
    [TestCase("Endpiont", "bigfs://host:1", "BigFs:Endpiont")]
    public void Wrong_configuration_stops_the_host_at_its_start(string name, string value, string says)
    {
        var services = new ServiceCollection();
        services.AddBigFsClient(Section((name, value)));
        using ServiceProvider provider = services.BuildServiceProvider();

        OptionsValidationException error = Assert.Throws<OptionsValidationException>(
            () => provider.GetRequiredService<IStartupValidator>().Validate())!;

        Assert.That(error.Message, Does.Contain(says));
    }

    [Test]
    public async Task The_health_check_says_whether_the_cluster_answers([Values] bool answers)
    {
        var client = new Mock<IBigFsClient>();
        client.Setup(mock => mock.FindAsync(BigFsPath.Root, It.IsAny<CancellationToken>())).Returns(answers
            ? Task.FromResult<BigFsEntry?>(new BigFsDirectory())
            : Task.FromException<BigFsEntry?>(new BigFsException(BigFsErrorCode.Unavailable, "No name server at host:1.")));
        var services = new ServiceCollection();
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddKeyedSingleton("other", client.Object);
        services.AddHealthChecks().AddBigFs(serviceKey: "other");
        await using ServiceProvider provider = services.BuildServiceProvider();

        HealthReport report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        Assert.That(report.Status, Is.EqualTo(answers ? HealthStatus.Healthy : HealthStatus.Unhealthy));
        Assert.That(report.Entries["bigfs"].Description, Does.Contain(answers ? "answers" : "host:1"));
    }

    private static IConfigurationSection Section(params (string Name, string Value)[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.ToDictionary(setting => $"BigFs:{setting.Name}", setting => (string?)setting.Value))
            .Build()
            .GetSection("BigFs");
}
