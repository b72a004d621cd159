using BigFs.Core.Control;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The database: connections that write, on a primary whose durability has been looked at, and connections that read,
/// also on the primary, each transaction on one state. Thread-safe.
/// </summary>
internal sealed class PostgresDatabase : IAsyncDisposable
{
    private readonly PostgresOptions _options;
    private readonly NpgsqlDataSource _writers, _readers;

    /// <summary>Makes the pools; connects to nothing.</summary>
    public PostgresDatabase(PostgresOptions options)
    {
        _options = options;
        Location = PostgresConnectionString.Location(options);
        _writers = Source(PostgresConnectionString.ForWriting(options));
        _readers = Source(PostgresConnectionString.ForReading(options));
    }

    /// <summary>Hosts, database and schema, for messages.</summary>
    public string Location { get; }

    /// <summary>A connection for changes, to be returned by <see cref="DropAsync"/>.</summary>
    /// <exception cref="BigFsException">Unavailable: a standby, or less durable than the settings say.</exception>
    public async ValueTask<NpgsqlConnection> OpenWriterAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await _writers.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            PostgresDurability durability = await PostgresDurability.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            durability.Require(_options.MetadataCopies, Location, BigFsErrorCode.Unavailable);
            return connection;
        }
        catch
        {
            await DropAsync(connection).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A connection for reading; disposing it returns it.</summary>
    public ValueTask<NpgsqlConnection> OpenReaderAsync(CancellationToken cancellationToken) =>
        _readers.OpenConnectionAsync(cancellationToken);

    /// <summary>Checks the database, brings the tables up to date, and says how safe a committed name is.</summary>
    /// <exception cref="BigFsException">InvalidSettings, DataUnreadable, Unavailable, OutOfSpace.</exception>
    public async Task<NameDurability> PrepareAsync(CancellationToken cancellationToken)
    {
        try
        {
            NpgsqlConnection connection = await _writers.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                PostgresDurability durability = await PostgresDurability.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
                durability.Require(_options.MetadataCopies, Location, BigFsErrorCode.InvalidSettings);
                await PostgresMigration.RunAsync(connection, _options.Schema, cancellationToken).ConfigureAwait(false);
                return durability.Describe(_options.MetadataCopies);
            }
            finally
            {
                await DropAsync(connection).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or BigFsException))
        {
            throw PostgresErrors.WhileOpening(exception, Location);
        }
    }

    /// <summary>Closes a connection for good: whatever it was in the middle of ends with it.</summary>
    public static ValueTask DropAsync(NpgsqlConnection connection) => connection.DisposeAsync();

    /// <summary>Closes what is idle; connections in use end with their return.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writers.DisposeAsync().ConfigureAwait(false);
        await _readers.DisposeAsync().ConfigureAwait(false);
    }

    private static NpgsqlDataSource Source(NpgsqlConnectionStringBuilder settings)
    {
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        bool several = settings.Host!.Contains(',', StringComparison.Ordinal);
        if (several)
        {
            return builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary);
        }

        builder.UsePhysicalConnectionInitializer(RequirePrimary, RequirePrimaryAsync);
        return builder.Build();
    }

    private static void RequirePrimary(NpgsqlConnection connection)
    {
        using var ask = new NpgsqlCommand("SELECT pg_is_in_recovery()", connection);
        Refuse((bool)ask.ExecuteScalar()!);
    }

    private static async Task RequirePrimaryAsync(NpgsqlConnection connection)
    {
        await using var ask = new NpgsqlCommand("SELECT pg_is_in_recovery()", connection);
        Refuse((bool)(await ask.ExecuteScalarAsync().ConfigureAwait(false))!);
    }

    private static void Refuse(bool isStandby)
    {
        if (isStandby)
        {
            throw new BigFsException(
                BigFsErrorCode.Unavailable, "The metadata database is a read-only standby; name the primary, or all servers by commas.");
        }
    }
}
