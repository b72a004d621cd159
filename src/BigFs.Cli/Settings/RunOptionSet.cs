using System.CommandLine;

namespace BigFs.Cli.Settings;

/// <summary>The arguments of <c>bigfs run</c> that are settings: one for each that has an argument.</summary>
internal sealed class RunOptionSet
{
    private readonly Dictionary<RunSetting, Option> _options = RunSetting.All.Where(setting => setting.Option is not null).ToDictionary(
        setting => setting, Make);

    /// <summary>All of them, for the command.</summary>
    public IEnumerable<Option> All => _options.Values;

    /// <summary>Those that were given, by their settings' names.</summary>
    public Dictionary<string, string> Given(ParseResult parsed)
    {
        var given = new Dictionary<string, string>();
        foreach ((RunSetting setting, Option option) in _options)
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                given[setting.Name] = option is Option<bool> flag
                    ? parsed.GetValue(flag).ToString()
                    : parsed.GetValue((Option<string>)option)!;
            }
        }

        return given;
    }

    private static Option Make(RunSetting setting)
    {
        string description = $"{setting.Description} [{setting.Variable}]";
        return setting.Value.Length == 0
            ? new Option<bool>(setting.Option!) { Description = description }
            : new Option<string>(setting.Option!) { Description = description, HelpName = setting.Value };
    }
}
