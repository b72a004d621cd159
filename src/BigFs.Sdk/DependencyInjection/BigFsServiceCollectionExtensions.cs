using BigFs.Internal;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BigFs;

/// <summary>Registers clients with a container: one <see cref="IBigFsClient"/> for the life of the application.</summary>
public static class BigFsServiceCollectionExtensions
{
    /// <summary>Registers a client. Wrong settings stop the host at its start, with a sentence that names the setting.</summary>
    public static IServiceCollection AddBigFsClient(this IServiceCollection services, Action<BigFsClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, Options.DefaultName).Configure(configure);
        services.TryAddSingleton<IBigFsClient>(provider => Make(provider, Options.DefaultName));
        return services;
    }

    /// <summary>
    /// Registers a client whose settings come from a section of the configuration: Endpoint, ConnectTimeout,
    /// OperationTimeout, StallTimeout (the latter as "hh:mm:ss").
    /// </summary>
    public static IServiceCollection AddBigFsClient(this IServiceCollection services, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return services.AddBigFsClient(options => SettingsSection.Apply(section, options));
    }

    /// <summary>Registers a client under a key, beside others.</summary>
    public static IServiceCollection AddKeyedBigFsClient(
        this IServiceCollection services, string serviceKey, Action<BigFsClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, serviceKey).Configure(configure);
        services.TryAddKeyedSingleton<IBigFsClient>(serviceKey, (provider, _) => Make(provider, serviceKey));
        return services;
    }

    /// <summary>Registers a client under a key whose settings come from a section of the configuration.</summary>
    public static IServiceCollection AddKeyedBigFsClient(
        this IServiceCollection services, string serviceKey, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return services.AddKeyedBigFsClient(serviceKey, options => SettingsSection.Apply(section, options));
    }

    private static OptionsBuilder<BigFsClientOptions> AddOptions(IServiceCollection services, string name)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BigFsClientOptions>, SettingsValidation>());
        return services.AddOptions<BigFsClientOptions>(name)
            .Configure<IServiceProvider>(static (options, provider) => options.LoggerFactory = provider.GetService<ILoggerFactory>())
            .ValidateOnStart();
    }

    private static BigFsClient Make(IServiceProvider provider, string name) =>
        new(provider.GetRequiredService<IOptionsMonitor<BigFsClientOptions>>().Get(name));

    /// <summary>The client's own validation as the options framework asks for it.</summary>
    private sealed class SettingsValidation : IValidateOptions<BigFsClientOptions>
    {
        /// <inheritdoc/>
        public ValidateOptionsResult Validate(string? name, BigFsClientOptions options)
        {
            try
            {
                _ = ClientSettings.Of(options, remote: true);
                return ValidateOptionsResult.Success;
            }
            catch (BigFsException exception)
            {
                return ValidateOptionsResult.Fail(exception.Message);
            }
        }
    }
}
