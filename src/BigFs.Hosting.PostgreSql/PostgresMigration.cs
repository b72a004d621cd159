using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Brings the tables up to date: once, however many servers start at the same time.</summary>
internal static class PostgresMigration
{
    // "BigFS" in a key of a lock that nothing else in the database takes.
    private const int LockClass = 0x42464653;

    private static int Known => PostgresSchema.Migrations.Length;

    /// <summary>Refuses tables of another version than this program's.</summary>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    public static void RequireKnown(int version)
    {
        if (version != Known)
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"The metadata database has version {version} of its schema, this program knows version {Known}: run the "
                    + "version of BigFS that changed it, or a newer one.");
        }
    }

    /// <summary>
    /// Makes schema, tables and root, or takes the steps that are missing; in one transaction, so that a crash leaves the
    /// schema as it was.
    /// </summary>
    /// <exception cref="BigFsException">DataUnreadable: the schema is newer than this program, or not BigFS's.</exception>
    public static async Task RunAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await StatementAsync(connection, $"SELECT pg_advisory_xact_lock({LockClass}, hashtext('{schema}'))", cancellationToken)
            .ConfigureAwait(false);
        bool exists = await IsThereAsync(connection, schema, null, cancellationToken).ConfigureAwait(false);
        if (!exists)
        {
            await StatementAsync(connection, $"CREATE SCHEMA {schema}", cancellationToken).ConfigureAwait(false);
        }

        bool hasTables = exists && await IsThereAsync(connection, schema, "writer", cancellationToken).ConfigureAwait(false);
        if (!hasTables && exists && await IsThereAsync(connection, schema, "entries", cancellationToken).ConfigureAwait(false))
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable, $"The schema {schema} of the metadata database holds tables that are not BigFS's.");
        }

        int version = hasTables ? await VersionAsync(connection, cancellationToken).ConfigureAwait(false) : 0;
        if (version > Known)
        {
            RequireKnown(version);
        }

        for (int step = version; step < Known; step++)
        {
            await StatementAsync(connection, PostgresSchema.Migrations[step], cancellationToken).ConfigureAwait(false);
        }

        if (version < Known)
        {
            string write = version == 0
                ? "INSERT INTO writer (one, schema_version, clock, stamp, incarnation, namespace, generation, paused) "
                    + $"VALUES (true, {Known}, 0, 0, 0, gen_random_uuid(), 1, false)"
                : $"UPDATE writer SET schema_version = {Known} WHERE one";
            await StatementAsync(connection, write, cancellationToken).ConfigureAwait(false);
        }

        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<int> VersionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var ask = new NpgsqlCommand("SELECT schema_version FROM writer", connection);
        return await ask.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is int version
            ? version
            : throw new BigFsException(BigFsErrorCode.DataUnreadable, "The metadata database has lost its row \"writer\".");
    }

    private static async Task<bool> IsThereAsync(
        NpgsqlConnection connection, string schema, string? table, CancellationToken cancellationToken)
    {
        string text = table is null
            ? "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)"
            : "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                + "WHERE n.nspname = $1 AND c.relname = $2)";
        await using var ask = new NpgsqlCommand(text, connection);
        foreach (string value in table is null ? [schema] : new[] { schema, table })
        {
            ask.Parameters.Add(new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Text, TypedValue = value });
        }

        return (bool)(await ask.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private static async Task StatementAsync(NpgsqlConnection connection, string text, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"{text}"), connection);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
