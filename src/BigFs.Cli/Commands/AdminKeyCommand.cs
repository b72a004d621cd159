using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary><c>bigfs admin key create | list | revoke</c>: the keys of the cluster's clients.</summary>
internal static class AdminKeyCommand
{
    private const string TimeFormat = "yyyy-MM-dd HH:mm:ss'Z'";

    public static Command Make(BigFsCommandLine line) => new("key", "Makes, lists and revokes access keys.")
    {
        MakeCreate(line), MakeList(line), MakeRevoke(line),
    };

    private static Command MakeCreate(BigFsCommandLine line)
    {
        var name = new Argument<string>("name") { Description = "What people call the key." };
        var rights = new Option<string>("--rights")
        {
            Description = "What it allows, of read, write and admin, apart by commas; default read,write.",
            HelpName = "RIGHTS",
        };
        var root = new Option<string>("--root")
        {
            Description = "The directory that its owner sees as \"/\"; default /, everything.",
            HelpName = "PATH",
        };
        var expires = new Option<string>("--expires")
        {
            Description = "When it ends by itself: days as 30d, hours as 12h, or an instant as 2027-01-31T00:00:00Z; default never.",
            HelpName = "WHEN",
        };
        Option<string> data = DataOption();
        var command = new Command("create", "Makes a key and shows it, this once: the cluster keeps a hash.")
        {
            name, rights, root, expires, data,
        };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            BigFsAccessKey wanted = WithRights(parsed.GetValue(rights) ?? "read,write", new BigFsAccessKey
            {
                Id = "",
                Name = parsed.GetValue(name)!,
                Root = parsed.GetValue(root) is { } path ? RemotePath.Parse(path).Path : BigFsPath.Root,
                Expires = parsed.GetValue(expires) is { } when ? Instant(when, context.Environment.Time.GetUtcNow()) : null,
            });
            await using BigFsAccessKeys keys = await OpenAsync(parsed.GetValue(data), context, cancellationToken);
            (BigFsAccessKey key, string text) = await keys.CreateAsync(wanted, cancellationToken);
            if (context.Json)
            {
                context.WriteJson(writer =>
                {
                    writer.WriteString("key", text);
                    Write(writer, key);
                });
            }
            else
            {
                context.Console.Output.WriteLine(text);
                context.Say($"Key {key.Id} \"{Text.OneLine(key.Name)}\" may {RightsOf(key)} below {Text.OneLine(key.Root.ToString())}"
                    + $"{(key.Expires is { } end ? $" until {Time(end)}" : "")}. It is shown this once.");
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command MakeList(BigFsCommandLine line)
    {
        Option<string> data = DataOption();
        var command = new Command("list", "Lists keys, without what proves them.") { data };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            await using BigFsAccessKeys keys = await OpenAsync(parsed.GetValue(data), context, cancellationToken);
            foreach (BigFsAccessKey key in await keys.ListAsync(cancellationToken))
            {
                if (context.Json)
                {
                    context.WriteJson(writer => Write(writer, key));
                }
                else
                {
                    string state = key.Revoked is { } revoked ? $"revoked {Time(revoked)}"
                        : key.Expires is { } end ? $"until {Time(end)}"
                        : "-";
                    context.Console.Output.WriteLine(
                        $"{key.Id}  {RightsOf(key),-16}  {Time(key.Created)}  {state,-29}  {Text.OneLine(key.Root.ToString())}  {Text.OneLine(key.Name)}");
                }
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command MakeRevoke(BigFsCommandLine line)
    {
        var id = new Argument<string>("id") { Description = "The key's id, as the list shows it." };
        Option<string> data = DataOption();
        var command = new Command("revoke", "Revokes a key; within five seconds no server takes it any more.") { id, data };
        line.SetAction(command, async (parsed, context, cancellationToken) =>
        {
            await using BigFsAccessKeys keys = await OpenAsync(parsed.GetValue(data), context, cancellationToken);
            string wanted = parsed.GetValue(id)!;
            return await keys.RevokeAsync(wanted, cancellationToken)
                ? ExitCode.Ok
                : throw new BigFsException(BigFsErrorCode.NotFound, $"There is no access key \"{Shorten(wanted)}\".");
        });
        return command;
    }

    private static Option<string> DataOption() => new("--data")
    {
        Description = "The folder of a metadata server that is stopped: for the first key, without another one.",
        HelpName = "DIR",
    };

    private static async Task<BigFsAccessKeys> OpenAsync(
        string? data, CommandContext context, CancellationToken cancellationToken) =>
        data is null
            ? BigFsAccessKeys.Connect(context.ClientOptions())
            : Directory.Exists(data)
                ? await BigFsAccessKeys.OpenAsync(Path.GetFullPath(data), cancellationToken)
                : throw new DirectoryNotFoundException($"The folder \"{data}\" does not exist.");

    private static BigFsAccessKey WithRights(string text, BigFsAccessKey key)
    {
        foreach (string right in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            key = right switch
            {
                "read" => key with { CanRead = true },
                "write" => key with { CanWrite = true },
                "admin" => key with { CanAdminister = true },
                _ => throw new UsageException($"\"{right}\" is no right; read, write and admin are."),
            };
        }

        return key;
    }

    private static DateTimeOffset Instant(string text, DateTimeOffset now)
    {
        if (text is [.. var number, 'd' or 'h']
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is > 0 and <= 100_000)
        {
            return now + (text[^1] == 'd' ? TimeSpan.FromDays(count) : TimeSpan.FromHours(count));
        }

        return DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset instant)
            ? instant
            : throw new UsageException($"\"{text}\" is no time: 30d, 12h or 2027-01-31T00:00:00Z are.");
    }

    private static void Write(Utf8JsonWriter writer, BigFsAccessKey key)
    {
        writer.WriteString("id", key.Id);
        writer.WriteString("name", key.Name);
        writer.WriteString("rights", RightsOf(key));
        writer.WriteString("root", key.Root.ToString());
        writer.WriteString("created", key.Created);
        writer.WriteNullable("expires", key.Expires);
        writer.WriteNullable("revoked", key.Revoked);
    }

    private static void WriteNullable(this Utf8JsonWriter writer, string name, DateTimeOffset? value)
    {
        if (value is { } instant)
        {
            writer.WriteString(name, instant);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static string RightsOf(BigFsAccessKey key) => string.Join(
        ',', new[] { key.CanRead ? "read" : null, key.CanWrite ? "write" : null, key.CanAdminister ? "admin" : null }.OfType<string>());

    private static string Time(DateTimeOffset instant) => instant.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    /// <summary>A key that was given for its id is not to end in a log.</summary>
    private static string Shorten(string id) => id.Length <= 22 ? Text.OneLine(id) : Text.OneLine(id[..22]) + "...";
}
