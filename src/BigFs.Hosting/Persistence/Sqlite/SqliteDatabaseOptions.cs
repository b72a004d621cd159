using System.Collections.Immutable;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>Which database a store opens, and what it expects to find in it.</summary>
internal sealed record SqliteDatabaseOptions
{
    /// <summary>What the database holds, one word: its file is "{Name}.db", and messages call it by this name.</summary>
    public required string Name { get; init; }

    /// <summary>The folder of the file, made when it is missing; null for a database in memory.</summary>
    public required string? Directory { get; init; }

    /// <summary>SQLite's application_id: tells this kind of database from every other; not 0.</summary>
    public required int ApplicationId { get; init; }

    /// <summary>
    /// The steps that make the schema: the n-th leads from version n-1 to n. Published ones are never changed, only added
    /// to.
    /// </summary>
    public required ImmutableArray<SqliteMigration> Migrations { get; init; }

    /// <summary>How long to wait for another program that holds the database's own locks; default 5 s.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Page cache of the writing connection in KiB, at most; filled as needed.</summary>
    public int CacheKiB { get; init; } = 16 << 10;

    /// <summary>Page caches of all reading connections of a pool together in KiB, at most; filled as needed.</summary>
    public int ReadersCacheKiB { get; init; } = 32 << 10;
}
