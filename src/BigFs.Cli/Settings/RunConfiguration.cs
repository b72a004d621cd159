using System.Text.RegularExpressions;
using BigFs.Hosting.Gateway;
using BigFs.Hosting.Kafka;
using Microsoft.Extensions.Configuration;

namespace BigFs.Cli.Settings;

/// <summary>
/// The settings of <c>bigfs run</c> as they were written: a JSON file with the section "BigFs", variables BIGFS_..., and
/// arguments; the later ones win. What nobody knows is refused, and whatever is wrong is told with the place that it came from.
/// </summary>
internal sealed partial class RunConfiguration
{
    public const string VariablePrefix = "BIGFS_";
    private const string Section = "BigFs";

    /// <summary>Variables of this prefix that are for others: clients, tests, the fault build.</summary>
    private static readonly string[] OtherVariables =
    [
        "BIGFS_ENDPOINT", "BIGFS_TRANSFER_AUTHORITY", "BIGFS_TRANSFER_CERTIFICATE", "BIGFS_TRANSFER_KEY", "BIGFS_SCENARIOS",
        "BIGFS_SEED", "BIGFS_EFFORT", "BIGFS_METADATA", "BIGFS_API_KEY", "BIGFS_CONTROL_AUTHORITY", "BIGFS_CONTROL_CERTIFICATE", "BIGFS_CONTROL_KEY", "BIGFS_CANARY", "BIGFS_CRASH_POINT", "BIGFS_FAULTS", "BIGFS_FAULT_BUILD",
    ];

    private static readonly string[] OtherPrefixes = ["BIGFS_TEST_"];

    private readonly Dictionary<string, Written> _written = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the file and the variables, and takes the arguments.</summary>
    /// <param name="file">The file, or null.</param>
    /// <param name="variables">The environment.</param>
    /// <param name="arguments">Values by the settings' names.</param>
    /// <exception cref="BigFsException">InvalidSettings: the file cannot be read, or something is not known.</exception>
    public static RunConfiguration Read(
        string? file, IReadOnlyDictionary<string, string> variables, IReadOnlyDictionary<string, string> arguments)
    {
        var configuration = new RunConfiguration();
        if (file is not null)
        {
            configuration.ReadFile(Path.GetFullPath(file));
        }

        configuration.ReadVariables(variables);
        foreach ((string name, string value) in arguments)
        {
            RunSetting setting = RunSetting.All.Single(one => one.Name == name);
            configuration._written[name] = new Written(value, setting.Option is { } option ? $"the argument {option}" : "the arguments", 2);
        }

        configuration.KeepStrongerSecret();
        return configuration;
    }

    /// <summary>Makes options of what was written.</summary>
    /// <exception cref="BigFsException">InvalidSettings: a value is none of its setting's.</exception>
    public RunOptions ToOptions()
    {
        var options = new RunOptions();
        options.Host.BusEngine = BigFsKafka.Engine;
        options.Host.GatewayEngine = BigFsGateway.Engine;
        foreach (RunSetting setting in RunSetting.All)
        {
            if (_written.TryGetValue(setting.Name, out Written? written))
            {
                try
                {
                    setting.Apply(options, written.Value);
                }
                catch (FormatException wrong)
                {
                    throw Wrong($"The setting {setting.Name} is \"{written.Value}\" in {written.Source}: {wrong.Message}.");
                }
            }
        }

        if (options.LogFormat is not (LogFormats.Text or LogFormats.Json))
        {
            throw Explain(Wrong($"The setting LogFormat is \"{options.LogFormat}\"; it must be text or json."));
        }

        return options;
    }

    /// <summary>Adds to a sentence about a setting where that setting was written.</summary>
    public BigFsException Explain(BigFsException problem)
    {
        Match setting = SettingOf().Match(problem.Message);
        return problem.Code == BigFsErrorCode.InvalidSettings && setting.Success
            && _written.TryGetValue(setting.Groups[1].Value, out Written? written)
                ? Wrong($"{problem.Message.TrimEnd('.')} (from {written.Source}).", problem)
                : problem;
    }

    private static BigFsException Wrong(string sentence, Exception? inner = null) =>
        new(BigFsErrorCode.InvalidSettings, sentence, inner);

    [GeneratedRegex(@"\bsetting (\w+)")]
    private static partial Regex SettingOf();

    private void ReadFile(string file)
    {
        IConfigurationRoot root;
        try
        {
            root = new ConfigurationBuilder().AddJsonFile(file, optional: false, reloadOnChange: false).Build();
        }
        catch (Exception unreadable) when (unreadable is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Wrong($"The file {file} of --config cannot be read: {unreadable.GetBaseException().Message.TrimEnd('.')}.", unreadable);
        }

        foreach (IConfigurationSection top in root.GetChildren())
        {
            if (!string.Equals(top.Key, Section, StringComparison.OrdinalIgnoreCase))
            {
                throw Wrong($"The key \"{top.Key}\" in the file {file} is not known; the settings stand in the section \"{Section}\".");
            }

            foreach (IConfigurationSection setting in top.GetChildren())
            {
                RunSetting known = RunSetting.All.FirstOrDefault(
                    one => string.Equals(one.Name, setting.Key, StringComparison.OrdinalIgnoreCase))
                    ?? throw Wrong($"The key \"{setting.Path}\" in the file {file} is not known; known are {string.Join(", ", RunSetting.All.Select(one => one.Name))}.");
                string[] values = [.. setting.GetChildren().Select(child => child.Value ?? "")];
                bool isList = known.Name is "Roles" or "NameServer";
                if (setting.Value is null && !isList)
                {
                    throw Wrong($"The key \"{setting.Path}\" in the file {file} is no single value.");
                }

                _written[known.Name] = new Written(
                    setting.Value ?? string.Join(',', values), $"the file {file}, key {setting.Path}", 0);
            }
        }
    }

    private void ReadVariables(IReadOnlyDictionary<string, string> variables)
    {
        foreach ((string variable, string value) in variables)
        {
            if (!variable.StartsWith(VariablePrefix, StringComparison.Ordinal)
                || OtherVariables.Contains(variable)
                || OtherPrefixes.Any(prefix => variable.StartsWith(prefix, StringComparison.Ordinal)))
            {
                continue;
            }

            RunSetting setting = RunSetting.All.FirstOrDefault(one => one.Variable == variable)
                ?? throw Wrong($"The variable {variable} is not known; known are {string.Join(", ", RunSetting.All.Select(one => one.Variable))}.");
            if (value.Length > 0)
            {
                _written[setting.Name] = new Written(value, $"the variable {variable}", 1);
            }
        }
    }

    /// <summary>The secret and its file exclude each other in one place; of two places the stronger wins.</summary>
    private void KeepStrongerSecret()
    {
        if (_written.TryGetValue("ClusterSecret", out Written? secret) && _written.TryGetValue("ClusterSecretFile", out Written? file)
            && secret.Strength != file.Strength)
        {
            _written.Remove(secret.Strength < file.Strength ? "ClusterSecret" : "ClusterSecretFile");
        }
    }

    private sealed record Written(string Value, string Source, int Strength);
}
