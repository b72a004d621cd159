using System.Collections.Immutable;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The namespace's tables. Times are UTC ticks (100 ns); names are UTF-8 in bytea, which is ordered by bytes.</summary>
internal static class PostgresSchema
{
    /// <summary>The root directory's id.</summary>
    public const long RootId = 1;

    /// <summary>Where the root's own row stands: no directory has this id.</summary>
    public const long AboveRoot = 0;

    // A directory has a random id, which its children name as parent; a file has a random version that is used once, under
    // which long manifests and contents lie. The one row of writer is the lock of whoever writes, the clock that never goes
    // back, and the few single values; each transaction replaces it, so that it has room for its versions in its page.
    private const string First =
        """
        CREATE TABLE writer (
            one boolean PRIMARY KEY CHECK (one),
            schema_version integer NOT NULL,
            clock bigint NOT NULL,
            incarnation bigint NOT NULL,
            cluster uuid
        ) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

        CREATE TABLE entries (
            parent bigint NOT NULL,
            name bytea NOT NULL,
            id bigint,
            created bigint NOT NULL,
            modified bigint NOT NULL,
            version bigint,
            size bigint,
            crc bigint,
            replicas integer,
            notes bytea,
            manifest bytea,
            content boolean NOT NULL DEFAULT false,
            PRIMARY KEY (parent, name),
            CHECK ((id IS NULL) <> (version IS NULL))
        );
        CREATE UNIQUE INDEX directories_by_id ON entries (id) WHERE id IS NOT NULL;

        CREATE TABLE manifest_pages (
            version bigint NOT NULL,
            page bigint NOT NULL,
            chunks bytea NOT NULL,
            PRIMARY KEY (version, page)
        );
        CREATE TABLE contents (version bigint PRIMARY KEY, bytes bytea NOT NULL);
        ALTER TABLE contents ALTER COLUMN bytes SET STORAGE EXTERNAL;

        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            state integer NOT NULL,
            expires bigint NOT NULL,
            keep_until bigint NOT NULL,
            path bytea NOT NULL,
            precondition integer NOT NULL,
            wanted bigint NOT NULL,
            replicas integer NOT NULL,
            notes bytea,
            operation uuid,
            created bigint NOT NULL,
            modified bigint NOT NULL,
            version bigint NOT NULL,
            size bigint NOT NULL,
            crc bigint NOT NULL
        );
        CREATE INDEX sessions_by_age ON sessions (keep_until);

        CREATE TABLE operations (
            id uuid PRIMARY KEY,
            kind integer NOT NULL,
            keep_until bigint NOT NULL,
            answer bytea NOT NULL
        );
        CREATE INDEX operations_by_age ON operations (keep_until);

        CREATE TABLE tombstones (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            due bigint NOT NULL,
            volume bigint NOT NULL,
            key bigint NOT NULL
        );
        CREATE INDEX tombstones_by_due ON tombstones (due, id);

        CREATE TABLE dead_manifests (version bigint PRIMARY KEY, due bigint NOT NULL);
        CREATE TABLE dead_directories (id bigint PRIMARY KEY, due bigint NOT NULL);
        """;

    /// <summary>The steps of the schema; how many have been taken is its version.</summary>
    public static ImmutableArray<string> Migrations { get; } = [First];
}
