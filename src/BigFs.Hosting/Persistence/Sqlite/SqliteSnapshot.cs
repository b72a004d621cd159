using BigFs.Core.Faults;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// A consistent copy of a database in use, as a file of its own: the pages of one state are copied a few at a time by a
/// connection that only reads (sqlite.org/backup.html), so writers go on. While it is made the write-ahead log keeps what
/// is written meanwhile. The copy is checked before it is given out.
/// </summary>
internal static class SqliteSnapshot
{
    /// <summary>1 MiB: few enough to stop soon when the caller is gone.</summary>
    private const int PagesPerStep = 256;

    private const int MostProblems = 5;

    /// <summary>Copies the database into a file that does not exist yet and checks the copy. Blocks; not durable yet.</summary>
    /// <exception cref="BigFsException">
    /// OutOfSpace; DataUnreadable: the copy is damaged, so the database is too; Unavailable: a disk failed.
    /// </exception>
    public static void Take(SqliteDatabase database, string file, CancellationToken cancellationToken)
    {
        try
        {
            using SqliteConnection target = Connect(file, SqliteOpenMode.ReadWriteCreate);
            Execute(target, "PRAGMA synchronous = OFF");
            using (SqliteConnection source = database.OpenReader())
            {
                // What is read from here on is the state of this moment, however long the copying takes.
                Execute(source, "BEGIN; SELECT count(*) FROM sqlite_schema");
                CrashPoint.Reach("backup.before-copy");
                Copy(source, target, cancellationToken);
            }

            // A file that stands by itself, without a log beside it.
            Execute(target, "PRAGMA journal_mode = DELETE");
            Check(target, file, cancellationToken);
        }
        catch (SqliteException exception)
        {
            throw database.Translate(exception);
        }
    }

    /// <summary>Checks a database file that nobody uses.</summary>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    public static void Check(string file, CancellationToken cancellationToken)
    {
        try
        {
            using SqliteConnection connection = Connect(file, SqliteOpenMode.ReadOnly);
            Check(connection, file, cancellationToken);
        }
        catch (SqliteException exception)
        {
            throw SqliteErrors.WhileOpening(exception, "restored", file);
        }
    }

    private static void Copy(SqliteConnection source, SqliteConnection target, CancellationToken cancellationToken)
    {
        using sqlite3_backup backup = raw.sqlite3_backup_init(target.Handle, "main", source.Handle, "main");
        if (backup.IsInvalid)
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_errcode(target.Handle), target.Handle);
        }

        int code;
        while ((code = raw.sqlite3_backup_step(backup, PagesPerStep)) == raw.SQLITE_OK)
        {
            CrashPoint.Reach("backup.between-steps");
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (code != raw.SQLITE_DONE)
        {
            SqliteException.ThrowExceptionForRC(code, target.Handle);
        }
    }

    private static void Check(SqliteConnection connection, string file, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration stop = cancellationToken.Register(() => raw.sqlite3_interrupt(connection.Handle));
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = $"PRAGMA integrity_check({MostProblems})";
        var problems = new List<string>();
        try
        {
            using SqliteDataReader reader = command.ExecuteReader();
            while (reader.Read())
            {
                problems.Add(reader.GetString(0));
            }
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode == raw.SQLITE_INTERRUPT)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }

        if (problems is not ["ok"])
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"The copy \"{file}\" does not pass SQLite's integrity check: {string.Join("; ", problems)}.");
        }
    }

    private static SqliteConnection Connect(string file, SqliteOpenMode mode)
    {
        Batteries_V2.Init();
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = file, Mode = mode, Pooling = false }.ToString());
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

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        using SqliteDataReader rows = command.ExecuteReader();
        do
        {
            while (rows.Read())
            {
            }
        }
        while (rows.NextResult());
    }
}
