using System.Collections.Concurrent;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The connections that read, each with its statements, opened as they are needed. A database in memory has one
/// connection only, which the writer and the readers take in turns. Thread-safe.
/// </summary>
internal sealed class SqliteReaderPool
{
    private readonly SqliteDatabase _database;
    private readonly TimeSpan _retention;
    private readonly int _most;
    private readonly ConcurrentBag<(SqliteConnection Connection, SqliteEntryReader Reader)> _idle = [];
    private readonly SemaphoreSlim _turns;
    private volatile bool _closed;

    /// <summary>Makes a pool.</summary>
    /// <param name="database">What is read.</param>
    /// <param name="writersReader">The reader on the writing connection; used here only in memory.</param>
    /// <param name="retention">How long jobs are kept after their end.</param>
    public SqliteReaderPool(SqliteDatabase database, SqliteEntryReader writersReader, TimeSpan retention)
    {
        (_database, _retention) = (database, retention);
        _most = database.IsInMemory ? 1 : Math.Clamp(Environment.ProcessorCount, 2, 8);
        _turns = new SemaphoreSlim(_most);
        if (database.IsInMemory)
        {
            _idle.Add((database.Connection, writersReader));
        }
    }

    /// <summary>What the writer takes while it uses a connection that readers use too; else null.</summary>
    public SemaphoreSlim? WritersTurn => _database.IsInMemory ? _turns : null;

    /// <summary>Reads one state of the database; short, it blocks the thread.</summary>
    public ValueTask<T> ReadAsync<T>(Func<SqliteEntryReader, T> read, CancellationToken cancellationToken) =>
        ReadPlainAsync(reader => reader.InTransaction(read), cancellationToken);

    /// <summary>Reads by one statement, which needs no transaction.</summary>
    public async ValueTask<T> ReadPlainAsync<T>(Func<SqliteEntryReader, T> read, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_closed)
            {
                throw new BigFsException(BigFsErrorCode.Unavailable, "The database is closed.");
            }

            if (!_idle.TryTake(out (SqliteConnection Connection, SqliteEntryReader Reader) member))
            {
                SqliteConnection connection = _database.OpenReader(_most);
                member = (connection, new SqliteEntryReader(connection, _retention));
            }

            try
            {
                return read(member.Reader);
            }
            finally
            {
                _idle.Add(member);
            }
        }
        catch (SqliteException exception)
        {
            throw _database.Translate(exception);
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>Does something while nobody reads: those that come meanwhile wait.</summary>
    public async ValueTask WithoutReadersAsync(Action action)
    {
        for (int i = 0; i < _most; i++)
        {
            await _turns.WaitAsync().ConfigureAwait(false);
        }

        try
        {
            action();
        }
        finally
        {
            _turns.Release(_most);
        }
    }

    /// <summary>Waits for the reads under way, closes the readers, refuses further reads.</summary>
    public async ValueTask CloseAsync()
    {
        _closed = true;
        for (int i = 0; i < _most; i++)
        {
            await _turns.WaitAsync().ConfigureAwait(false);
        }

        while (_idle.TryTake(out (SqliteConnection Connection, SqliteEntryReader Reader) member))
        {
            if (member.Connection != _database.Connection)
            {
                member.Reader.Dispose();
                member.Connection.Dispose();
            }
        }

        _turns.Release(_most);
    }
}
