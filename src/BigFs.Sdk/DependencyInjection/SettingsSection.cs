using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace BigFs;

/// <summary>
/// Reads a client's settings from a section: by hand, because it takes no reflection and an unknown name is an error, not
/// a default that nobody meant.
/// </summary>
internal static class SettingsSection
{
    /// <summary>Puts what the section states into the options.</summary>
    /// <exception cref="OptionsValidationException">A name or value is wrong; the message names the setting.</exception>
    public static void Apply(IConfigurationSection section, BigFsClientOptions options)
    {
        foreach (IConfigurationSection setting in section.GetChildren())
        {
            switch (setting.Key.ToUpperInvariant())
            {
                case "ENDPOINT":
                    options.Endpoint = BigFsEndpoint.TryParse(setting.Value, out Uri? endpoint)
                        ? endpoint
                        : throw Wrong(setting, "\"bigfs://host:port\" is expected");
                    break;
                case "CONNECTTIMEOUT":
                    options.ConnectTimeout = Time(setting);
                    break;
                case "OPERATIONTIMEOUT":
                    options.OperationTimeout = Time(setting);
                    break;
                case "STALLTIMEOUT":
                    options.StallTimeout = Time(setting);
                    break;
                default:
                    throw Wrong(setting, "Endpoint, ConnectTimeout, OperationTimeout and StallTimeout are known");
            }
        }
    }

    private static TimeSpan Time(IConfigurationSection setting) =>
        TimeSpan.TryParse(setting.Value, CultureInfo.InvariantCulture, out TimeSpan value)
            ? value
            : throw Wrong(setting, "a time as \"hh:mm:ss\" is expected");

    private static OptionsValidationException Wrong(IConfigurationSection setting, string expected) => new(
        nameof(BigFsClientOptions),
        typeof(BigFsClientOptions),
        [$"The setting {setting.Path} is \"{setting.Value}\": {expected}."]);
}
