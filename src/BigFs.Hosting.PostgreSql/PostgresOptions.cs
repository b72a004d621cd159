using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>Settings of the namespace in PostgreSQL.</summary>
internal sealed record PostgresOptions
{
    /// <summary>Npgsql's connection string; several hosts by commas.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>The schema of the tables, made when it is missing; default "bigfs".</summary>
    public string Schema { get; init; } = "bigfs";

    /// <summary>Copies of each committed name that the database must keep, 1 to 8; default 1. More needs synchronous standbys.</summary>
    public int MetadataCopies { get; init; } = 1;

    /// <summary>How long an upload session lives after each renewal; default 5 minutes.</summary>
    public TimeSpan SessionTimeToLive { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a replaced or deleted version can still be read; default 1 hour.</summary>
    public TimeSpan ReadLease { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long the first answer of an operation is kept for a retry; default 1 hour.</summary>
    public TimeSpan OperationRetention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Replicas of an upload that asks for no number, 1 to <see cref="Limits.MaxReplicas"/>; default 2.</summary>
    public int DefaultReplicas { get; init; } = 2;

    /// <summary>How long an operation is tried again while the database is away; default 20 seconds.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A transaction that takes longer is given up, and its connection with it; default 30 seconds.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A clock in the place of the database's, for tests; null: the database's.</summary>
    public TimeProvider? Clock { get; init; }

    /// <summary>Refuses settings that are out of range.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public void Validate()
    {
        const string Positive = "above zero";
        SettingsCheck.Require(SessionTimeToLive > TimeSpan.Zero, nameof(SessionTimeToLive), SessionTimeToLive, Positive);
        SettingsCheck.Require(OperationRetention > TimeSpan.Zero, nameof(OperationRetention), OperationRetention, Positive);
        SettingsCheck.Require(ReadLease >= TimeSpan.Zero, nameof(ReadLease), ReadLease, "zero or more");
        SettingsCheck.Between(DefaultReplicas, 1, Limits.MaxReplicas, nameof(DefaultReplicas));
        SettingsCheck.Between(MetadataCopies, 1, Limits.MaxReplicas, nameof(MetadataCopies));
        SettingsCheck.Positive(RetryFor, nameof(RetryFor));
        SettingsCheck.Require(
            CommandTimeout >= TimeSpan.FromSeconds(1) && CommandTimeout <= TimeSpan.FromHours(1), nameof(CommandTimeout), CommandTimeout, "1 second to 1 hour");
        bool legal = Schema.Length is > 0 and <= 63
            && Schema.All(one => one is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_')
            && !char.IsAsciiDigit(Schema[0])
            && !Schema.StartsWith("pg_", StringComparison.Ordinal);
        SettingsCheck.Require(legal, nameof(Schema), Schema, "1 to 63 of a to z, 0 to 9 and _, no digit first, not pg_");
        _ = PostgresConnectionString.Parse(this);
    }
}
