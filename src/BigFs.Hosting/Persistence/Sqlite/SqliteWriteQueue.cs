using System.Diagnostics;
using System.Threading.Channels;
using BigFs.Core.Faults;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// The only writer of a database. Takes whatever operations are waiting and runs them in one transaction, so that they
/// share one flush. One that fails leaves the others alone: most refuse before they change anything; after one that does
/// not, the transaction is run again with a savepoint for each. An operation's caller hears of its end only after the commit.
/// Operations may run a second time when their transaction failed for another's sake. After an error of the disk nothing more is written until the database is opened again: what such an
/// error left on disk is unknown, and a second flush would not tell. Thread-safe.
/// </summary>
internal sealed class SqliteWriteQueue : IAsyncDisposable
{
    private const int Capacity = 4096;
    private const int LargestBatch = 512;

    private readonly SqliteDatabase _database;
    private readonly SemaphoreSlim? _turn;
    private readonly Action _beforeCommit;
    private readonly Func<ValueTask>? _afterTransaction;
    private readonly Action? _afterRollback;
    private readonly SqliteStatement _begin, _commit, _rollback, _savepoint, _release, _undo;
    private readonly Channel<SqliteWriteOperation> _waiting = Channel.CreateBounded<SqliteWriteOperation>(
        new BoundedChannelOptions(Capacity) { SingleReader = true });

    private readonly SqliteMetrics _metrics;
    private readonly Task _loop;
    private volatile BigFsException? _failure;

    /// <summary>Starts the writer.</summary>
    /// <param name="database">What is written.</param>
    /// <param name="turn">Taken while the connection is in use, when others use it too; else null.</param>
    /// <param name="beforeCommit">Runs at the end of each transaction that changed something.</param>
    /// <param name="afterTransaction">Runs after each transaction, whose callers have been told; null for nothing.</param>
    /// <param name="afterRollback">Runs whenever changes were undone, all of a transaction or one operation's; null for nothing.</param>
    public SqliteWriteQueue(
        SqliteDatabase database,
        SemaphoreSlim? turn,
        Action beforeCommit,
        Func<ValueTask>? afterTransaction = null,
        Action? afterRollback = null)
    {
        _afterRollback = afterRollback;
        _afterTransaction = afterTransaction;
        _database = database;
        _turn = turn;
        _beforeCommit = beforeCommit;
        _begin = new SqliteStatement(database.Connection, "BEGIN IMMEDIATE");
        _commit = new SqliteStatement(database.Connection, "COMMIT");
        _rollback = new SqliteStatement(database.Connection, "ROLLBACK");
        _savepoint = new SqliteStatement(database.Connection, "SAVEPOINT operation");
        _release = new SqliteStatement(database.Connection, "RELEASE operation");
        _undo = new SqliteStatement(database.Connection, "ROLLBACK TO operation");
        _metrics = new SqliteMetrics(database, () => _waiting.Reader.Count);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>
    /// Runs the operation on the writing connection and returns when its transaction is on disk. The token is heeded
    /// until the operation begins.
    /// </summary>
    /// <exception cref="BigFsException">
    /// What the operation threw; OutOfSpace (nothing changed), Unavailable (closed, or the disk failed), DataUnreadable.
    /// </exception>
    public ValueTask<T> RunAsync<T>(Func<T> operation, CancellationToken cancellationToken)
    {
        var waiting = new SqliteWriteOperation<T>(operation);
        waiting.Heed(cancellationToken);
        return _waiting.Writer.TryWrite(waiting) ? waiting.Completion : RunWhenThereIsRoomAsync(waiting, cancellationToken);
    }

    /// <summary>Finishes what was accepted and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        _metrics.Dispose();
        foreach (SqliteStatement statement in (SqliteStatement[])[_begin, _commit, _rollback, _savepoint, _release, _undo])
        {
            statement.Dispose();
        }
    }

    private async ValueTask<T> RunWhenThereIsRoomAsync<T>(
        SqliteWriteOperation<T> waiting, CancellationToken cancellationToken)
    {
        try
        {
            await _waiting.Writer.WriteAsync(waiting, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException exception)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The database is closed.", exception);
        }

        return await waiting.Completion.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var batch = new List<SqliteWriteOperation>(LargestBatch);
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (batch.Count < LargestBatch && _waiting.Reader.TryRead(out SqliteWriteOperation? next))
            {
                if (next.TryStart())
                {
                    batch.Add(next);
                }
            }

            if (_turn is not null)
            {
                await _turn.WaitAsync().ConfigureAwait(false);
            }

            long began = Stopwatch.GetTimestamp();
            try
            {
                Carry(batch);
            }
            finally
            {
                _turn?.Release();
            }

            _metrics.Ended(Stopwatch.GetElapsedTime(began), batch.Count);
            foreach (SqliteWriteOperation operation in Canary.AnswerBeforeCommit ? [] : batch)
            {
                operation.Complete();
            }

            batch.Clear();

            // Behind the callers that were just told, in the pool's order: what they do next shares the next flush.
            await Task.Yield();
            CrashPoint.Reach("transaction.after-answer");
            await AfterTransactionAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask AfterTransactionAsync()
    {
        try
        {
            if (_afterTransaction is not null && _failure is null)
            {
                await _afterTransaction().ConfigureAwait(false);
            }
        }
        catch (SqliteException exception)
        {
            // What the callers were told is on disk; but a disk that fails now is not written to again.
            if (SqliteErrors.IsDiskFailure(exception))
            {
                _failure = _database.Translate(exception);
            }
        }
    }

    private void Carry(List<SqliteWriteOperation> batch)
    {
        BigFsException? failure = _failure ?? TryTransaction(batch, savepoints: false);
        if (failure is not null && _failure is null && batch.Count > 1)
        {
            // One operation may be too much for all (a full disk): each gets a transaction of its own.
            foreach (SqliteWriteOperation operation in batch)
            {
                Carry([operation]);
            }

            return;
        }

        if (failure is not null)
        {
            foreach (SqliteWriteOperation operation in batch)
            {
                operation.Fail(new BigFsException(failure.Code, failure.Message, failure));
            }
        }
    }

    private BigFsException? TryTransaction(List<SqliteWriteOperation> batch, bool savepoints)
    {
        try
        {
            CrashPoint.Reach("transaction.before-begin");
            _begin.Run();
            int changes = Changes();
            foreach (SqliteWriteOperation operation in batch)
            {
                if (savepoints)
                {
                    RunInSavepoint(operation);
                }
                else if (!TryRunPlain(operation))
                {
                    _rollback.Run();
                    _afterRollback?.Invoke();
                    return TryTransaction(batch, savepoints: true);
                }

                CrashPoint.Reach("transaction.between-operations");
            }

            if (Changes() != changes)
            {
                _beforeCommit();
            }

            Canary.TellEarly(batch, static operation => operation.Complete());
            CrashPoint.Reach("transaction.before-commit");
            _commit.Run();
            CrashPoint.Reach("transaction.after-commit");
            return null;
        }
        catch (SqliteException exception)
        {
            BigFsException failure = _database.Translate(exception);
            if (SqliteErrors.IsDiskFailure(exception))
            {
                _failure = new BigFsException(
                    failure.Code, failure.Message + " Nothing is written until it is opened again.", exception);
            }

            Abandon();
            return failure;
        }
    }

    private int Changes() => raw.sqlite3_total_changes(_database.Connection.Handle!);

    /// <summary>False when it failed after it had changed something, which nothing can undo alone.</summary>
    private bool TryRunPlain(SqliteWriteOperation operation)
    {
        int changes = Changes();
        return operation.TryRun(_database) || Changes() == changes;
    }

    private void RunInSavepoint(SqliteWriteOperation operation)
    {
        _savepoint.Run();
        if (!operation.TryRun(_database))
        {
            _undo.Run();
            _afterRollback?.Invoke();
        }

        _release.Run();
    }

    private void Abandon()
    {
        _afterRollback?.Invoke();

        // Some errors end the transaction by themselves.
        if (raw.sqlite3_get_autocommit(_database.Connection.Handle!) != 0)
        {
            return;
        }

        try
        {
            _rollback.Run();
        }
        catch (SqliteException exception)
        {
            _failure = _database.Translate(exception);
        }
    }
}
