using System.Globalization;
using System.Text.RegularExpressions;
using BigFs.Core.Control;
using BigFs.Core.Model;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What a commit rests on, as the session's and the server's settings say.</summary>
/// <param name="SynchronousCommit">The setting of that name.</param>
/// <param name="Flushes">Whether the server syncs its log (fsync).</param>
/// <param name="WholePages">Whether torn pages are repaired from the log (full_page_writes).</param>
/// <param name="Standbys">How many synchronous standbys a commit waits for, as synchronous_standby_names says.</param>
/// <param name="Server">The server's major version.</param>
internal sealed partial record PostgresDurability(
    string SynchronousCommit, bool Flushes, bool WholePages, int Standbys, int Server)
{
    /// <summary>Copies of a commit that are on disks when it returns.</summary>
    public int Copies => SynchronousCommit is "on" or "remote_apply" ? 1 + Standbys : 1;

    /// <summary>Asks the server.</summary>
    public static async Task<PostgresDurability> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var ask = new NpgsqlCommand(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'), "
                + "current_setting('synchronous_standby_names'), current_setting('server_version_num')",
            connection);
        await using NpgsqlDataReader reader = await ask.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        return new PostgresDurability(
            reader.GetString(0),
            reader.GetString(1) == "on",
            reader.GetString(2) == "on",
            CountStandbys(reader.GetString(3)),
            int.Parse(reader.GetString(4), CultureInfo.InvariantCulture) / 10000);
    }

    /// <summary>Refuses a server that acknowledges what it may lose.</summary>
    /// <exception cref="BigFsException">Of the code.</exception>
    public void Require(int copies, string location, BigFsErrorCode code)
    {
        string? problem =
            !Flushes ? "runs with fsync = off and would lose acknowledged names; set it on"
            : !WholePages ? "runs with full_page_writes = off and may be damaged by a power cut; set it on"
            : SynchronousCommit == "off"
                ? "has synchronous_commit = off for this user and would lose acknowledged names; set it on"
            : Copies < copies
                ? $"keeps {Copies} of the {copies} copies that MetadataCopies asks for; name {copies - 1} synchronous standbys "
                    + "in synchronous_standby_names and keep synchronous_commit on"
            : null;
        if (problem is not null)
        {
            throw new BigFsException(code, $"The metadata database {location} {problem}.");
        }
    }

    /// <summary>How safe a committed name is: only copies that the settings require are promised.</summary>
    public NameDurability Describe(int copies) => new(
        BigFsDurability.Flushed,
        copies == 1
            ? $"PostgreSQL {Server}, one copy, synced"
            : $"PostgreSQL {Server}, {copies} copies, synced")
    {
        Copies = copies,
    };

    /// <summary>How many standbys the value of synchronous_standby_names makes a commit wait for.</summary>
    internal static int CountStandbys(string names)
    {
        if (string.IsNullOrWhiteSpace(names))
        {
            return 0;
        }

        // "FIRST 2 (a, b, c)", "ANY 2 (*)", "2 (a, b)", or a plain list, of which the first that is there counts.
        Match counted = Counted().Match(names);
        return counted.Success ? int.Parse(counted.Groups[1].Value, CultureInfo.InvariantCulture) : 1;
    }

    [GeneratedRegex(@"^\s*(?:FIRST\s+|ANY\s+)?(\d+)\s*\(", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Counted();
}
