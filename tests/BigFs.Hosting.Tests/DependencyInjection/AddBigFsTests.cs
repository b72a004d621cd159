using BigFs.Hosting.DependencyInjection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.DependencyInjection;

/// <summary>A cluster embedded in an application.</summary>
public sealed class AddBigFsTests
{
    [Test]
    public async Task It_lives_from_the_hosts_start_to_its_stop_and_leaves_no_temporary_folder()
    {
        using IHost host = Build(builder => builder.AddBigFs());
        var client = host.Services.GetRequiredService<IBigFsClient>();
        Assert.That(await HealthAsync(host), Is.EqualTo(HealthStatus.Unhealthy), "before the start");

        await host.StartAsync();
        string folder = host.Services.GetRequiredService<EmbeddedBigFs>().Cluster.DataDirectory;
        byte[] content = [1, 2, 3, 4, 5];
        UploadResult result = await client.UploadAsync("/embedded/file", new MemoryStream(content));
        var read = new MemoryStream();
        await client.DownloadAsync("/embedded/file", read);
        Assert.That(result.Receipt.Replicas, Is.EqualTo(2));
        Assert.That(read.ToArray(), Is.EqualTo(content));
        Assert.That(Directory.Exists(folder), Is.True);
        Assert.That(await HealthAsync(host), Is.EqualTo(HealthStatus.Healthy));

        await host.StopAsync();
        Assert.That(Directory.Exists(folder), Is.False);
        Assert.That(await HealthAsync(host), Is.EqualTo(HealthStatus.Unhealthy), "after the stop");
    }

    [Test]
    public void A_second_cluster_in_one_application_is_refused_with_a_sentence()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => Build(builder => builder.AddBigFs().AddBigFs()))!;

        Assert.That(error.Message, Does.Contain("AddBigFs was called before"));
    }

    [Test]
    public void A_wrong_setting_is_told_before_the_host_is_built()
    {
        BigFsException error = Assert.Throws<BigFsException>(
            () => Build(builder => builder.AddBigFs(options => options.DataNodes = 0)))!;

        Assert.That(error.Message, Is.EqualTo("The setting DataNodes is 0; it must be 1 to 64."));
    }

    private static IHost Build(Action<IHostApplicationBuilder> configure)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { Args = [] });
        builder.Logging.ClearProviders();
        builder.Services.AddHealthChecks().AddBigFs();
        configure(builder);
        return builder.Build();
    }

    private static async Task<HealthStatus> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;
}
