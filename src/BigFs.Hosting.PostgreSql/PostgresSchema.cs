using System.Collections.Immutable;

namespace BigFs.Hosting.PostgreSql;

/// <summary>The namespace's tables. Times are UTC ticks (100 ns); names are UTF-8 in bytea, which is ordered by bytes.</summary>
internal static class PostgresSchema
{
    /// <summary>The root directory's id.</summary>
    public const long RootId = 1;

    /// <summary>Where the root's own row stands: no directory has this id.</summary>
    public const long AboveRoot = 0;

    // A directory has a random id, which its children name as parent; a file has a version that is used once, under which
    // long manifests and contents lie. The one row of writer is the lock of whoever writes, the clock that never goes back,
    // the stamp of each transaction that versions are made of, and the few single values; each transaction replaces it, so
    // that it has room for its versions in its page. chunk_owners answers which versions name a chunk; one whose deletion is
    // recorded has the only owner 0 until that is confirmed. A version that is out of sight is one row of dead_versions until
    // its read leases end; only then its chunks become tombstones. Renewals are stored in leases for versions in dead trees,
    // which have no such row yet. claimed tells until when a tombstone is somebody's.
    private const string First =
        """
        CREATE TABLE writer (
            one boolean PRIMARY KEY CHECK (one),
            schema_version integer NOT NULL,
            clock bigint NOT NULL,
            stamp bigint NOT NULL,
            incarnation bigint NOT NULL,
            namespace uuid NOT NULL,
            cluster uuid,
            generation bigint NOT NULL,
            paused boolean NOT NULL
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
            chunks integer NOT NULL DEFAULT 0,
            manifest bytea,
            content boolean NOT NULL DEFAULT false,
            PRIMARY KEY (parent, name),
            CHECK ((id IS NULL) <> (version IS NULL))
        );
        CREATE UNIQUE INDEX directories_by_id ON entries (id) WHERE id IS NOT NULL;
        CREATE UNIQUE INDEX files_by_version ON entries (version) WHERE chunks > 0;

        CREATE TABLE manifest_pages (
            version bigint NOT NULL,
            page bigint NOT NULL,
            chunks bytea NOT NULL,
            PRIMARY KEY (version, page)
        );
        CREATE TABLE contents (version bigint PRIMARY KEY, bytes bytea NOT NULL);
        ALTER TABLE contents ALTER COLUMN bytes SET STORAGE EXTERNAL;

        CREATE TABLE chunk_owners (key bigint NOT NULL, version bigint NOT NULL, PRIMARY KEY (key, version));
        CREATE TABLE dead_versions (version bigint PRIMARY KEY, due bigint NOT NULL, chunks integer NOT NULL, manifest bytea);
        CREATE INDEX dead_versions_by_due ON dead_versions (due);
        CREATE TABLE leases (version bigint PRIMARY KEY, until bigint NOT NULL);

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
            crc bigint NOT NULL,
            staged_version bigint,
            staged integer NOT NULL,
            staged_bytes bigint NOT NULL
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
            key bigint NOT NULL,
            claimed bigint NOT NULL DEFAULT 0,
            epoch bigint NOT NULL DEFAULT 0,
            attempts integer NOT NULL DEFAULT 0,
            confirmed bytea
        );
        CREATE INDEX tombstones_by_due ON tombstones (due, id);

        CREATE TABLE jobs (
            id uuid PRIMARY KEY,
            kind integer NOT NULL,
            state integer NOT NULL,
            keep_until bigint NOT NULL,
            started bigint NOT NULL,
            updated bigint NOT NULL,
            directory bigint NOT NULL,
            files bigint NOT NULL,
            directories bigint NOT NULL,
            bytes bigint NOT NULL,
            physical bigint NOT NULL,
            path bytea NOT NULL,
            place bytea NOT NULL,
            problem bytea
        );
        CREATE INDEX jobs_by_state ON jobs (state, kind, updated);
        CREATE INDEX jobs_by_age ON jobs (keep_until);
        CREATE TABLE dead_directories (id bigint PRIMARY KEY, due bigint NOT NULL, job uuid);
        CREATE INDEX dead_directories_by_job ON dead_directories (job) WHERE job IS NOT NULL;
        """;

    /// <summary>The steps of the schema; how many have been taken is its version.</summary>
    public static ImmutableArray<string> Migrations { get; } = [First, PostgresAccessKeys.Schema];
}
