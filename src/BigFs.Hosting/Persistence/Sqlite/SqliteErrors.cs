using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>SQLite's errors in BigFS's terms.</summary>
internal static class SqliteErrors
{
    /// <summary>Whether the disk failed below the database: what was being written may or may not be there.</summary>
    public static bool IsDiskFailure(SqliteException exception) => exception.SqliteErrorCode == raw.SQLITE_IOERR;

    /// <summary>
    /// Whether the disk refused to be written, so that nothing was changed; a flush that failed is another matter.
    /// </summary>
    public static bool IsRefusedWrite(SqliteException exception) => IsDiskFailure(exception)
        && exception.SqliteExtendedErrorCode is raw.SQLITE_IOERR_WRITE or raw.SQLITE_IOERR_TRUNCATE
            or raw.SQLITE_IOERR_SHMSIZE or raw.SQLITE_IOERR_SHMOPEN;

    /// <summary>Translates an error that came while a database was being opened.</summary>
    public static BigFsException WhileOpening(SqliteException exception, string name, string location) =>
        exception.SqliteErrorCode switch
        {
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new BigFsException(
                BigFsErrorCode.DataInUse, $"The {name} database {location} is in use by another process.", exception),
            raw.SQLITE_READONLY => ReadOnly(name, location, exception),
            raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_AUTH => Unwritable(name, location, exception),
            _ => WhileRunning(exception, name, location),
        };

    /// <summary>Translates an error of a database that was open.</summary>
    public static BigFsException WhileRunning(SqliteException exception, string name, string location)
    {
        if (exception.SqliteErrorCode == raw.SQLITE_READONLY)
        {
            return ReadOnly(name, location, exception);
        }

        (BigFsErrorCode code, string problem) = exception.SqliteErrorCode switch
        {
            // The index of the log is a file too, and grows at the start.
            raw.SQLITE_IOERR when exception.SqliteExtendedErrorCode == raw.SQLITE_IOERR_SHMSIZE => (
                BigFsErrorCode.OutOfSpace, "has no room left on its disk; nothing was changed"),
            raw.SQLITE_FULL => (BigFsErrorCode.OutOfSpace, "has no room left on its disk; nothing was changed"),
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => (BigFsErrorCode.DataUnreadable, "is damaged or no database"),
            raw.SQLITE_IOERR => (BigFsErrorCode.Unavailable, "met an error of its disk"),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM
                or raw.SQLITE_NOMEM => (BigFsErrorCode.Unavailable, "cannot be used at present"),
            _ => (BigFsErrorCode.Internal, "failed"),
        };
        return new BigFsException(
            code, $"The {name} database {location} {problem} (SQLite: {exception.Message}).", exception);
    }

    /// <summary>A database can be read and not written; nothing was changed.</summary>
    public static BigFsException ReadOnly(string name, string location, Exception exception) =>
        new(BigFsErrorCode.DataReadOnly,
            $"The {name} database {location} cannot be written, nothing was changed: its file, folder or file system is "
                + $"read-only ({exception.Message}).",
            exception);

    /// <summary>The folder of a database cannot be made or written.</summary>
    public static BigFsException Unwritable(string name, string location, Exception exception) =>
        new(BigFsErrorCode.InvalidSettings,
            $"The {name} database {location} cannot be created or written; name a data directory that can be: "
                + exception.Message,
            exception);
}
