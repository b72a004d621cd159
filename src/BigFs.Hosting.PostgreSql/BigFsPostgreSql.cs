using BigFs.Hosting.MetadataServer;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Names in a PostgreSQL database instead of SQLite: several metadata servers may use one at once. Set it as
/// <see cref="BigFsRoleHostOptions.Metadata"/> or <see cref="BigFsClusterOptions.Metadata"/>.
/// </summary>
public sealed class BigFsPostgreSql : BigFsMetadataEngine
{
    /// <summary>
    /// Npgsql's connection string, for example "Host=db1,db2;Database=bigfs;Username=bigfs;Password=...". Of several hosts
    /// the primary is used, whichever that is. The database must exist; the user must be allowed to make a schema in it, or
    /// own <see cref="Schema"/>.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The schema of the tables, made when it is missing; default "bigfs". A cluster has one of its own.</summary>
    public string Schema { get; init; } = "bigfs";

    /// <summary>
    /// Copies of each committed name that the database must keep, 1 to 8; default 1. With more, the database must wait for
    /// synchronous standbys (synchronous_standby_names): the start is refused when it does not, and so are changes later.
    /// Receipts say this number.
    /// </summary>
    public int MetadataCopies { get; init; } = 1;

    /// <inheritdoc/>
    internal override string Location => PostgresConnectionString.Location(Options(2));

    /// <inheritdoc/>
    internal override void Validate() => Options(2).Validate();

    /// <inheritdoc/>
    internal override async Task<IMetadataEngine> OpenAsync(
        int replicas, TimeSpan readLease, RoleServices services, CancellationToken cancellationToken) =>
        await PostgresMetadataStore.OpenAsync(
            Options(replicas) with { ReadLease = readLease },
            services.Time,
            services.LoggerFor("BigFs.MetadataServer"),
            cancellationToken).ConfigureAwait(false);

    private PostgresOptions Options(int replicas) => new()
    {
        ConnectionString = ConnectionString,
        Schema = Schema,
        MetadataCopies = MetadataCopies,
        DefaultReplicas = replicas,
    };
}
