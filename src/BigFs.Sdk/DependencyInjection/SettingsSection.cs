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
    private const string Known = "Endpoint, ConnectTimeout, OperationTimeout, StallTimeout, ApiKey, and AuthorityFile, CertificateFile"
        + " and KeyFile after Control or Transfer";

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
                case "APIKEY":
                    options.ApiKey = setting.Value;
                    break;
                case "CONTROLAUTHORITYFILE":
                    options.ControlAuthorityFile = setting.Value;
                    break;
                case "CONTROLCERTIFICATEFILE":
                    options.ControlCertificateFile = setting.Value;
                    break;
                case "CONTROLKEYFILE":
                    options.ControlKeyFile = setting.Value;
                    break;
                case "TRANSFERAUTHORITYFILE":
                    options.TransferAuthorityFile = setting.Value;
                    break;
                case "TRANSFERCERTIFICATEFILE":
                    options.TransferCertificateFile = setting.Value;
                    break;
                case "TRANSFERKEYFILE":
                    options.TransferKeyFile = setting.Value;
                    break;
                default:
                    // Its value may be a key under a misspelt name: it is not shown.
                    throw Wrong($"The setting {setting.Path} is not known: {Known} are.");
            }
        }
    }

    private static TimeSpan Time(IConfigurationSection setting) =>
        TimeSpan.TryParse(setting.Value, CultureInfo.InvariantCulture, out TimeSpan value)
            ? value
            : throw Wrong(setting, "a time as \"hh:mm:ss\" is expected");

    private static OptionsValidationException Wrong(IConfigurationSection setting, string expected) =>
        Wrong($"The setting {setting.Path} is \"{setting.Value}\": {expected}.");

    private static OptionsValidationException Wrong(string sentence) =>
        new(nameof(BigFsClientOptions), typeof(BigFsClientOptions), [sentence]);
}
