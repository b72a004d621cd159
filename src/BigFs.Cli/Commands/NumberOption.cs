using System.CommandLine;
using System.Globalization;

namespace BigFs.Cli.Commands;

/// <summary>Options that take a number, and say so in a sentence when they are given something else.</summary>
internal static class NumberOption
{
    public static Option<T?> Make<T>(string name, string helpName, string description)
        where T : struct, IParsable<T> => new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (T.TryParse(text, CultureInfo.InvariantCulture, out T number))
                {
                    return number;
                }

                result.AddError($"{name} \"{text}\" is not a number in range.");
                return null;
            },
        };
}
