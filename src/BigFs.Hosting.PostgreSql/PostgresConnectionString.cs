using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The connection string as the engine uses it: what was given, completed by what the engine relies on.</summary>
internal static class PostgresConnectionString
{
    // Plans by index whatever the tables' statistics say, one plan for each statement, and no compilation of expressions:
    // every statement is a few look-ups. A session that its process abandoned in a transaction must not keep the others
    // from writing for long.
    private const string Common =
        "-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off "
        + "-c enable_mergejoin=off -c idle_in_transaction_session_timeout=10s -c lock_timeout=15s -c statement_timeout=0";

    /// <summary>Understands the string that was given.</summary>
    /// <exception cref="BigFsException">InvalidSettings; the string itself, which may hold a password, is not repeated.</exception>
    public static NpgsqlConnectionStringBuilder Parse(PostgresOptions options)
    {
        NpgsqlConnectionStringBuilder parsed;
        try
        {
            parsed = new NpgsqlConnectionStringBuilder(options.ConnectionString);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidCastException or KeyNotFoundException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The connection string of the metadata database cannot be understood: {exception.Message}",
                exception);
        }

        return parsed.Host is null or "" || parsed.Database is null or ""
            ? throw new BigFsException(
                BigFsErrorCode.InvalidSettings, "The connection string of the metadata database must name Host and Database.")
            : parsed;
    }

    /// <summary>For the connection that writes.</summary>
    public static NpgsqlConnectionStringBuilder ForWriting(PostgresOptions options) =>
        Complete(options, Common + " -c default_transaction_isolation=read\\ committed", pool: 0);

    /// <summary>For those that read: each transaction sees one state of the database.</summary>
    public static NpgsqlConnectionStringBuilder ForReading(PostgresOptions options) =>
        Complete(
            options,
            Common + " -c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on",
            pool: 16);

    /// <summary>Hosts and database, for messages and lists of roles: no user, no password.</summary>
    public static string Location(PostgresOptions options)
    {
        NpgsqlConnectionStringBuilder parsed = Parse(options);
        return $"postgres:{parsed.Host}/{parsed.Database}/{options.Schema}";
    }

    private static NpgsqlConnectionStringBuilder Complete(PostgresOptions options, string sessionOptions, int pool)
    {
        NpgsqlConnectionStringBuilder full = Parse(options);
        string given = full.Options ?? "";
        full.Options = $"{given} {sessionOptions}".Trim();
        full.SearchPath = options.Schema;
        full.Enlist = false;
        full.IncludeErrorDetail = false;
        full.MaxAutoPrepare = 64;
        full.AutoPrepareMinUsages = 1;
        full.Pooling = pool > 0;
        full.MaxPoolSize = Math.Max(pool, 1);
        full.NoResetOnClose = true;
        full.CommandTimeout = (int)options.CommandTimeout.TotalSeconds;

        // A cancelled COMMIT is done all the same: the connection is given up instead, and the outcome looked up.
        full.CancellationTimeout = -1;
        full.ApplicationName ??= "BigFS metadata";
        Default("Timeout", () => full.Timeout = 5);
        Default("Host Recheck Seconds", () => full.HostRecheckSeconds = 1);
        Default("Tcp Keepalive", () => full.TcpKeepAlive = true);
        return full;

        void Default(string keyword, Action set)
        {
            if (!full.ContainsKey(keyword) || !options.ConnectionString.Contains(keyword, StringComparison.OrdinalIgnoreCase))
            {
                set();
            }
        }
    }
}
