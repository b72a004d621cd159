using BigFs.Hosting.DependencyInjection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting;

/// <summary>Embeds BigFS in an application.</summary>
public static class BigFsHostingExtensions
{
    /// <summary>
    /// Runs a cluster inside the application, started before its hosted services and stopped after them, and registers its
    /// <see cref="IBigFsClient"/>. Logs go to the application's logging unless the options name another.
    /// </summary>
    /// <param name="builder">The application.</param>
    /// <param name="configure">Changes the defaults of <see cref="BigFsClusterOptions"/>.</param>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    /// <exception cref="InvalidOperationException">The application embeds a cluster already.</exception>
    public static IHostApplicationBuilder AddBigFs(
        this IHostApplicationBuilder builder, Action<BigFsClusterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (builder.Services.Any(service => service.ServiceType == typeof(EmbeddedBigFs)))
        {
            throw new InvalidOperationException("AddBigFs was called before: an application embeds one BigFS cluster.");
        }

        var options = new BigFsClusterOptions();
        configure?.Invoke(options);
        options.Validate();
        builder.Services.AddSingleton(services =>
        {
            options.LoggerFactory ??= services.GetRequiredService<ILoggerFactory>();
            return new EmbeddedBigFs(options);
        });
        builder.Services.AddHostedService(services => services.GetRequiredService<EmbeddedBigFs>());
        builder.Services.TryAddSingleton<IBigFsClient>(
            services => new EmbeddedBigFsClient(services.GetRequiredService<EmbeddedBigFs>()));
        return builder;
    }
}
