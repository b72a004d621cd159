using System.CommandLine;
using BigFs.Cli.Commands;
using BigFs.Hosting;
using BigFs.Hosting.PostgreSql;

namespace BigFs.Cli.Roles;

/// <summary>
/// Where <c>bigfs run metadata-server</c> keeps names: "sqlite", "postgres:CONNECTION STRING", or "file:PATH" of a file with
/// one of these in it. A password is taken from a file or the variable, never from an argument, which every process can read.
/// </summary>
internal sealed class MetadataSetting
{
    /// <summary>Holds the setting itself; the argument is stronger.</summary>
    public const string Variable = "BIGFS_METADATA";

    private const string Postgres = "postgres:", FromFile = "file:";

    private readonly Option<string> _engine = new("--metadata")
    {
        Description = "Where the metadata server keeps names: sqlite (default), \"postgres:Host=...;Database=...;Username=...\", or a"
            + $" file with that; passwords only in the file, in {Variable} or in PGPASSWORD.",
        HelpName = "sqlite|postgres:...|file:PATH",
    };

    private readonly Option<string> _schema = new("--metadata-schema")
    {
        Description = "The schema of the tables in PostgreSQL; default bigfs.",
        HelpName = "NAME",
    };

    private readonly Option<int?> _copies =
        NumberOption.Make<int>("--metadata-copies", "N", "Copies of each name that PostgreSQL must keep, 1 to 8; default 1.");

    /// <summary>The options, for the command.</summary>
    public IEnumerable<Option> Options => [_engine, _schema, _copies];

    /// <summary>The engine; null for SQLite.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public BigFsMetadataEngine? Engine(ParseResult parsed, Func<string, string?> variable)
    {
        string? argument = parsed.GetValue(_engine);
        string setting = Read(argument ?? variable(Variable) ?? "sqlite");
        if (setting == "sqlite")
        {
            return null;
        }

        if (!setting.StartsWith(Postgres, StringComparison.Ordinal))
        {
            throw Wrong("must be sqlite, \"postgres:CONNECTION STRING\" or \"file:PATH\"");
        }

        string connection = setting[Postgres.Length..];
        if (argument is not null && !IsFile(argument) && HoldsPassword(connection))
        {
            throw Wrong($"names a password, which every process of this machine could read: put it into a file (\"file:PATH\"), {Variable} or PGPASSWORD");
        }

        return new BigFsPostgreSql
        {
            ConnectionString = connection,
            Schema = parsed.GetValue(_schema) ?? "bigfs",
            MetadataCopies = parsed.GetValue(_copies) ?? 1,
        };
    }

    /// <summary>The arguments that give the same setting again; what came from the variable comes from there again.</summary>
    public IReadOnlyList<string> Again(ParseResult parsed)
    {
        var again = new List<string>();
        if (parsed.GetValue(_engine) is { } engine)
        {
            again.AddRange(["--metadata", IsFile(engine) ? FromFile + Path.GetFullPath(engine[FromFile.Length..]) : engine]);
        }

        if (parsed.GetValue(_schema) is { } schema)
        {
            again.AddRange(["--metadata-schema", schema]);
        }

        if (parsed.GetValue(_copies) is { } copies)
        {
            again.AddRange(["--metadata-copies", copies.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        }

        return again;
    }

    private static bool IsFile(string setting) => setting.StartsWith(FromFile, StringComparison.Ordinal);

    private static string Read(string setting)
    {
        if (!IsFile(setting))
        {
            return setting;
        }

        string file = setting[FromFile.Length..];
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The file \"{file}\" of --metadata cannot be read: {exception.Message}", exception);
        }
    }

    private static bool HoldsPassword(string connection) => connection.Split(';').Any(part =>
        part.Split('=')[0].Trim() is var name
        && (name.Equals("Password", StringComparison.OrdinalIgnoreCase) || name.Equals("PWD", StringComparison.OrdinalIgnoreCase)
            || name.Equals("PSW", StringComparison.OrdinalIgnoreCase)));

    private static BigFsException Wrong(string what) => new(BigFsErrorCode.InvalidSettings, $"The setting --metadata {what}.");
}
