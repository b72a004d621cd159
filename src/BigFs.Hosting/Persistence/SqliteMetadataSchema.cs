using System.Collections.Immutable;
using BigFs.Hosting.Persistence.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>The namespace's tables. Times are UTC ticks (100 ns); names are UTF-8 blobs, so that order is by bytes.</summary>
internal static class SqliteMetadataSchema
{
    /// <summary>The root directory's id.</summary>
    public const long RootId = 1;

    /// <summary>Where the root's own row stands: no directory has this id.</summary>
    public const long AboveRoot = 0;

    // "BFSM".
    private const int ApplicationId = 0x4246534D;

    // entries is clustered by (parent, name): what one directory holds lies together, a listing is one range scan, and a
    // new file touches one tree. A directory has a random id, which its children name as parent; a file has a version.
    // A manifest of more than a few references lies in pages under the file's version, which is random and used once.
    private const string First =
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE entries (
            parent INTEGER NOT NULL,
            name BLOB NOT NULL,
            id INTEGER,
            created INTEGER NOT NULL,
            modified INTEGER NOT NULL,
            version INTEGER,
            size INTEGER,
            crc INTEGER,
            replicas INTEGER,
            notes BLOB,
            manifest BLOB,
            PRIMARY KEY (parent, name),
            CHECK ((id IS NULL) <> (version IS NULL))
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX directories_by_id ON entries (id) WHERE id IS NOT NULL;

        CREATE TABLE manifest_pages (
            version INTEGER NOT NULL,
            page INTEGER NOT NULL,
            chunks BLOB NOT NULL,
            UNIQUE (version, page)
        );

        CREATE TABLE sessions (
            id BLOB PRIMARY KEY,
            state INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            keep_until INTEGER NOT NULL,
            path BLOB NOT NULL,
            precondition INTEGER NOT NULL,
            wanted INTEGER NOT NULL,
            replicas INTEGER NOT NULL,
            notes BLOB,
            operation BLOB,
            created INTEGER,
            modified INTEGER,
            version INTEGER,
            size INTEGER,
            crc INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX sessions_by_age ON sessions (keep_until);

        CREATE TABLE operations (
            id BLOB PRIMARY KEY,
            kind INTEGER NOT NULL,
            keep_until INTEGER NOT NULL,
            answer BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX operations_by_age ON operations (keep_until);

        -- An id never comes again: a late confirmation cannot hit another tombstone.
        CREATE TABLE tombstones (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            due INTEGER NOT NULL,
            volume INTEGER NOT NULL,
            key INTEGER NOT NULL
        );
        CREATE INDEX tombstones_by_due ON tombstones (due);

        -- Paged manifests whose chunks still have to become tombstones, directories whose entries still have to go.
        CREATE TABLE dead_manifests (version INTEGER PRIMARY KEY, due INTEGER NOT NULL);
        CREATE TABLE dead_directories (id INTEGER PRIMARY KEY, due INTEGER NOT NULL);
        """;

    // A small file's content may stand beside its entry, so that listings do not read it. The rows are in the order of
    // their making; the version that names one is the only one.
    private const string Second =
        """
        CREATE TABLE contents (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL);
        ALTER TABLE entries ADD COLUMN content INTEGER;
        """;

    // Who has carried a deletion out under which epoch of the volume, and how often it was put off. The namespace's own id
    // tells this database from one that was put in its place.
    private const string Confirmations =
        """
        ALTER TABLE tombstones ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tombstones ADD COLUMN confirmed BLOB;
        ALTER TABLE tombstones ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
        INSERT INTO meta (name, value) VALUES ('namespace', randomblob(16));
        INSERT INTO meta (name, value) VALUES ('generation', 1);
        """;

    // chunk_owners answers which versions name a chunk; a chunk whose deletion is recorded has the only owner 0, and keeps
    // it until the deletion is confirmed. files_by_version leads from there to the entry, files without chunks are not in
    // it. A version that is out of sight is one row of dead_versions until its read leases end; only then its chunks
    // become tombstones. Renewals are stored for versions in dead trees, which have no such row yet.
    private const string Owners =
        """
        ALTER TABLE entries ADD COLUMN chunks INTEGER;
        ALTER TABLE dead_manifests RENAME TO dead_versions;
        ALTER TABLE dead_versions ADD COLUMN manifest BLOB;
        ALTER TABLE dead_versions ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX dead_versions_by_due ON dead_versions (due);
        CREATE TABLE chunk_owners (
            key INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (key, version)) WITHOUT ROWID;
        CREATE TABLE leases (version INTEGER PRIMARY KEY, until INTEGER NOT NULL);

        CREATE TABLE jobs (
            id BLOB PRIMARY KEY,
            kind INTEGER NOT NULL,
            state INTEGER NOT NULL,
            keep_until INTEGER NOT NULL,
            started INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            directory INTEGER NOT NULL,
            files INTEGER NOT NULL DEFAULT 0,
            directories INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            physical INTEGER NOT NULL DEFAULT 0,
            path BLOB NOT NULL,
            place BLOB NOT NULL,
            problem TEXT
        ) WITHOUT ROWID;
        CREATE INDEX jobs_by_state ON jobs (state, kind, updated);
        CREATE INDEX jobs_by_age ON jobs (keep_until);
        ALTER TABLE dead_directories ADD COLUMN job BLOB;
        CREATE INDEX dead_directories_by_job ON dead_directories (job) WHERE job IS NOT NULL;

        ALTER TABLE sessions ADD COLUMN staged_version INTEGER;
        ALTER TABLE sessions ADD COLUMN staged INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE sessions ADD COLUMN staged_bytes INTEGER NOT NULL DEFAULT 0;
        """;

    /// <summary>
    /// What to open. The caches hold the inner pages of some ten million entries and the leaves of a working set, and leave
    /// a metadata server below 300 MiB: docs/performance.md has the figures.
    /// </summary>
    public static SqliteDatabaseOptions Database(string? directory) => new()
    {
        Name = "metadata",
        Directory = directory,
        ApplicationId = ApplicationId,
        Migrations = Migrations,
        CacheKiB = 48 << 10,
        ReadersCacheKiB = 96 << 10,
    };

    private static ImmutableArray<SqliteMigration> Migrations { get; } =
        [First, Second, Confirmations, new(Owners, SqliteOwnerMigration.Fill), SqliteAccessKeys.Schema];
}
