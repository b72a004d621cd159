using System.Globalization;
using BigFs.Core.Faults;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// One SQLite database that belongs to this process alone: its lock, its writing connection, its readers. Opened in WAL
/// mode with a full flush at each commit, brought to the newest schema. In memory the database lives in the writing
/// connection and has no readers of its own. Connections are not thread-safe; the owner takes turns.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    /// <summary>3.51.3: versions before it can corrupt a database when its WAL is reset.</summary>
    public const int OldestLibrary = 3_051_003;

    private readonly SqliteDatabaseOptions _options;
    private readonly FileStream? _lock;

    private SqliteDatabase(SqliteDatabaseOptions options, FileStream? fileLock, SqliteConnection connection)
    {
        _options = options;
        _lock = fileLock;
        Connection = connection;
    }

    /// <summary>The connection that writes.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>What the database holds, one word.</summary>
    public string Name => _options.Name;

    /// <summary>Size of the write-ahead log's file; 0 when there is none.</summary>
    public long WalBytes
    {
        get
        {
            var file = new FileInfo(Path.Combine(_options.Directory ?? "", Name + ".db-wal"));
            return file.Exists ? file.Length : 0;
        }
    }

    /// <summary>Whether nothing outlives this object.</summary>
    public bool IsInMemory => _options.Directory is null;

    /// <summary>Opens the database, creates it, or brings it to the newest schema.</summary>
    /// <exception cref="BigFsException">
    /// DataInUse (another owner), DataUnreadable (damaged, not this kind of database, or the SQLite library is too old),
    /// DataTooNew, DataReadOnly, InvalidSettings (the folder cannot be made), OutOfSpace, Unavailable.
    /// </exception>
    public static SqliteDatabase Open(SqliteDatabaseOptions options)
    {
        Batteries_V2.Init();
        RequireLibrary(raw.sqlite3_libversion_number());
        FileStream? fileLock = options.Directory is null ? null : TakeLock(options.Directory, options.Name);
        SqliteConnection? connection = null;
        try
        {
            RequireWhole(options);
            connection = Connect(options, SqliteOpenMode.ReadWriteCreate);
            Execute(connection, WriterPragmas(options));
            RequireKind(connection, options);
            UseWriteAheadLog(connection, options);
            Migrate(connection, options);
            return new SqliteDatabase(options, fileLock, connection);
        }
        catch (Exception exception)
        {
            connection?.Dispose();
            fileLock?.Dispose();
            if (exception is SqliteException error)
            {
                throw SqliteErrors.WhileOpening(error, options.Name, Location(options));
            }

            throw;
        }
    }

    /// <summary>A connection that only reads; the caller disposes it before this object.</summary>
    /// <param name="sharers">How many connections share the readers' page cache: 1 or more.</param>
    public SqliteConnection OpenReader(int sharers = 1)
    {
        if (IsInMemory)
        {
            throw new InvalidOperationException("A database in memory is read through its only connection.");
        }

        try
        {
            SqliteConnection reader = Connect(_options, SqliteOpenMode.ReadOnly);
            Execute(reader, Busy(_options) + SharedPragmas + $"PRAGMA cache_size = -{_options.ReadersCacheKiB / sharers};");
            return reader;
        }
        catch (SqliteException exception)
        {
            throw Translate(exception);
        }
    }

    /// <summary>How long the write-ahead log's file is now; 0 in memory.</summary>
    public long LogBytes => IsInMemory ? 0 : new FileInfo(Location(_options) + "-wal") is { Exists: true } log ? log.Length : 0;

    /// <summary>
    /// Writes all of the log into the database and cuts it. Only while nobody reads: else it does what a checkpoint can
    /// beside readers, which leaves the log as long as it is.
    /// </summary>
    public void CutLog() => Execute(Connection, "PRAGMA wal_checkpoint(TRUNCATE)");

    /// <summary>An error of this database in BigFS's terms.</summary>
    public BigFsException Translate(SqliteException exception) => SqliteErrors.IsRefusedWrite(exception) && IsReadOnlyNow()
        ? SqliteErrors.ReadOnly(_options.Name, Location(_options), exception)
        : SqliteErrors.WhileRunning(exception, _options.Name, Location(_options));

    /// <summary>Closes the database; the last checkpoint empties the log. Gives up the lock.</summary>
    public void Dispose()
    {
        Connection.Dispose();
        _lock?.Dispose();
    }

    /// <summary>
    /// Whether the file system has turned read-only, as ext4 does after an error: SQLite only says that a write failed. The
    /// file of the lock lies beside the database and is open; what stands in it means nothing.
    /// </summary>
    private bool IsReadOnlyNow()
    {
        try
        {
            if (_lock is not null)
            {
                RandomAccess.Write(_lock.SafeFileHandle, [0], fileOffset: 0);
            }

            return false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return IsReadOnly(exception);
        }
    }

    /// <summary>Refuses a SQLite library that cannot be trusted with the data.</summary>
    internal static void RequireLibrary(int version)
    {
        if (version < OldestLibrary)
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"SQLite {Dotted(version)} can corrupt a database when its log is reset; "
                    + $"{Dotted(OldestLibrary)} or newer is needed.");
        }
    }

    private static string Dotted(int version) => string.Create(
        CultureInfo.InvariantCulture, $"{version / 1_000_000}.{version / 1_000 % 1_000}.{version % 1_000}");

    // A lock of its own: SQLite's exclusive locking mode would also lock this process's readers out. The system drops
    // it with the process, however that ends; the file stays, since removing it would race with the next owner.
    /// <exception cref="BigFsException">DataInUse, DataReadOnly, InvalidSettings (the folder cannot be made).</exception>
    internal static FileStream TakeLock(string directory, string name)
    {
        string file = Path.Combine(directory, name + ".lock");
        string location = Path.Combine(directory, name + ".db");
        try
        {
            Directory.CreateDirectory(directory);
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (IsSharingViolation(exception))
        {
            throw new BigFsException(
                BigFsErrorCode.DataInUse,
                $"The {name} database {location} is in use by another process.",
                exception);
        }
        catch (Exception exception) when (IsReadOnly(exception))
        {
            throw SqliteErrors.ReadOnly(name, location, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw SqliteErrors.Unwritable(name, location, exception);
        }
    }

    // What a restore that was cut off left is none of the states that the database ever had.
    private static void RequireWhole(SqliteDatabaseOptions options)
    {
        if (options.Directory is not null && Directory.Exists(Path.Combine(options.Directory, BigFsRestore.WorkFolder)))
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"A restore into the folder \"{options.Directory}\" was cut off; run it again.");
        }
    }

    // EROFS; and no leave to write what is there.
    private static bool IsReadOnly(Exception exception) =>
        exception is IOException { HResult: 30 } or UnauthorizedAccessException { InnerException: IOException { HResult: 30 or 13 } };

    // EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION of Windows.
    private static bool IsSharingViolation(IOException exception) =>
        exception.HResult is 11 or 35 or unchecked((int)0x80070020) or unchecked((int)0x80070021);

    private static SqliteConnection Connect(SqliteDatabaseOptions options, SqliteOpenMode mode)
    {
        var text = new SqliteConnectionStringBuilder
        {
            DataSource = options.Directory is null ? ":memory:" : Location(options),
            Mode = options.Directory is null ? SqliteOpenMode.Memory : mode,
            Pooling = false,
        };
        var connection = new SqliteConnection(text.ToString());
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // busy_timeout: a reader may meet the short lock of a WAL reset. mmap_size 0: a read error through a mapping would
    // kill the process instead of being reported. cell_size_check, trusted_schema: damage and tampering are noticed.
    private const string SharedPragmas =
        "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; "
        + "PRAGMA temp_store = MEMORY;";

    private static string Busy(SqliteDatabaseOptions options) => string.Create(
        CultureInfo.InvariantCulture, $"PRAGMA busy_timeout = {(long)options.BusyTimeout.TotalMilliseconds};");

    // synchronous FULL: a commit returns when the log is flushed. fullfsync: on macOS fsync alone leaves data in the
    // drive's cache. wal_autocheckpoint: 8 MiB of log at most between checkpoints; journal_size_limit: a log that a long
    // read let grow is cut again.
    private static string WriterPragmas(SqliteDatabaseOptions options) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Busy(options)} {SharedPragmas} PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; "
        + $"PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = {64 << 20}; "
        + $"PRAGMA cache_size = -{options.CacheKiB};");

    private static void RequireKind(SqliteConnection connection, SqliteDatabaseOptions options)
    {
        long version = Scalar(connection, "PRAGMA user_version");
        long application = Scalar(connection, "PRAGMA application_id");
        bool isNew = version == 0 && Scalar(connection, "SELECT count(*) FROM sqlite_schema") == 0;
        if (!isNew && application != options.ApplicationId)
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable, $"{Location(options)} is no {options.Name} database of BigFS.");
        }

        if (version > options.Migrations.Length)
        {
            throw new BigFsException(
                BigFsErrorCode.DataTooNew,
                $"The {options.Name} database {Location(options)} has schema version {version}, made by a newer BigFS; "
                    + $"this one reads versions up to {options.Migrations.Length}.");
        }
    }

    private static void UseWriteAheadLog(SqliteConnection connection, SqliteDatabaseOptions options)
    {
        if (options.Directory is null)
        {
            return;
        }

        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL";
        if (command.ExecuteScalar() is not "wal")
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The file system of {Location(options)} cannot hold SQLite's write-ahead log; name a data directory on a "
                    + "local file system.");
        }
    }

    private static void Migrate(SqliteConnection connection, SqliteDatabaseOptions options)
    {
        int version = (int)Scalar(connection, "PRAGMA user_version");
        if (version == options.Migrations.Length)
        {
            return;
        }

        CrashPoint.Reach("migration.before-begin");
        using SqliteTransaction transaction = connection.BeginTransaction();
        Execute(connection, string.Create(
            CultureInfo.InvariantCulture,
            $"PRAGMA application_id = {options.ApplicationId}; PRAGMA user_version = {options.Migrations.Length};"));
        foreach (SqliteMigration migration in options.Migrations.AsSpan()[version..])
        {
            Execute(connection, migration.Script);
            migration.Fill?.Invoke(connection);
            CrashPoint.Reach("migration.after-script");
        }

        CrashPoint.Reach("migration.before-commit");
        transaction.Commit();
        CrashPoint.Reach("migration.after-commit");
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static long Scalar(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    private static string Location(SqliteDatabaseOptions options) =>
        options.Directory is null ? "in memory" : Path.Combine(options.Directory, options.Name + ".db");
}
