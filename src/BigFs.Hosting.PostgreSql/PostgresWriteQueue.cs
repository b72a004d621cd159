using System.Threading.Channels;
using BigFs.Core.Faults;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The one writer of this process. It takes whatever operations are waiting and carries them out in one transaction of two
/// round trips, which share one flush; those that work on the tables themselves get a transaction each. The transaction holds the lock on all changes to the namespace, so the writers of all
/// metadata servers take turns: operations are done one after the other, wherever they came from. When a transaction fails
/// for a reason that passes, or nobody knows whether it was committed, the same operations are done again on a new connection:
/// those that were committed find their records and only answer. A caller hears of its operation's end only after a
/// commit. Thread-safe.
/// </summary>
internal sealed partial class PostgresWriteQueue : IAsyncDisposable
{
    private const int Capacity = 4096;
    private const int LargestBatch = 512;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly PostgresDatabase _database;
    private readonly PostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<PostgresWriteOperation> _waiting = Channel.CreateBounded<PostgresWriteOperation>(
        new BoundedChannelOptions(Capacity) { SingleReader = true });

    private readonly Task _loop;
    private NpgsqlConnection? _connection;

    /// <summary>Starts the writer.</summary>
    public PostgresWriteQueue(PostgresDatabase database, PostgresOptions options, TimeProvider time, ILogger logger)
    {
        (_database, _options, _time, _logger) = (database, options, time, logger);
        _loop = Task.Run(RunLoopAsync);
    }

    /// <summary>
    /// Carries the operation out and returns when its transaction is committed. It may run more than once, each time in a
    /// transaction of its own, of which one is committed. When the token ends the wait after it began, the outcome is
    /// unknown to the caller.
    /// </summary>
    /// <exception cref="BigFsException">
    /// What the operation threw; OutOfSpace (nothing changed), Unavailable, TimedOut (the outcome may be unknown), DataUnreadable.
    /// </exception>
    public async ValueTask<T> RunAsync<T>(
        PostgresNeeds needs, Func<PostgresTransaction, ValueTask<T>> operation, CancellationToken cancellationToken)
    {
        var waiting = new PostgresWriteOperation<T>(needs, _time.GetTimestamp(), operation);
        try
        {
            await _waiting.Writer.WriteAsync(waiting, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException exception)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The database is closed.", exception);
        }

        await using (cancellationToken.UnsafeRegister(
            static (state, token) => ((PostgresWriteOperation)state!).GiveUp(token), waiting).ConfigureAwait(false))
        {
            return await waiting.Completion.ConfigureAwait(false);
        }
    }

    /// <summary>Finishes what was accepted, as long as the database answers, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await DropConnectionAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunLoopAsync()
    {
        var batch = new List<PostgresWriteOperation>(LargestBatch);
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_waiting.Reader.TryPeek(out PostgresWriteOperation? next) && MayJoin(batch, next))
            {
                _ = _waiting.Reader.TryRead(out _);
                if (next.TryBegin())
                {
                    batch.Add(next);
                }
            }

            await CarryAsync(batch).ConfigureAwait(false);
            batch.Clear();
        }
    }

    private static bool MayJoin(List<PostgresWriteOperation> batch, PostgresWriteOperation next) =>
        batch.Count == 0 || (batch.Count < LargestBatch && !batch[0].Needs.IsAlone && !next.Needs.IsAlone);

    /// <summary>Brings every operation of the batch to its end.</summary>
    private async Task CarryAsync(List<PostgresWriteOperation> batch)
    {
        for (int failures = 0; batch.Count > 0; failures++)
        {
            if (await TryTransactionAsync(batch).ConfigureAwait(false) is not { } failure)
            {
                Complete(batch);
                CrashPoint.Reach("postgres.after-answer");
                return;
            }

            BigFsException translated = PostgresErrors.WhileRunning(failure, _database.Location);
            if (!PostgresErrors.IsPassing(failure))
            {
                await CarryAloneAsync(batch, translated).ConfigureAwait(false);
                return;
            }

            batch.RemoveAll(operation => operation.IsAbandoned);
            List<PostgresWriteOperation> late = batch.FindAll(IsLate);
            batch.RemoveAll(late.Contains);
            FailAll(late, translated);
            if (batch.Count > 0)
            {
                LogAgain(failures + 1, batch.Count, translated.Message);
                await PauseAsync(Backoff.Pause(failures, FirstPause, LongestPause)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One operation may be too much for all (a full disk): each gets a transaction of its own.</summary>
    private async Task CarryAloneAsync(List<PostgresWriteOperation> batch, BigFsException failure)
    {
        if (batch.Count == 1 || failure.Code == BigFsErrorCode.TimedOut)
        {
            FailAll(batch, failure);
            return;
        }

        foreach (PostgresWriteOperation operation in batch)
        {
            await CarryAsync([operation]).ConfigureAwait(false);
        }
    }

    /// <summary>One try; null when it was committed.</summary>
    private async Task<Exception?> TryTransactionAsync(List<PostgresWriteOperation> batch)
    {
        try
        {
            _connection ??= await _database.OpenWriterAsync(_stop.Token).ConfigureAwait(false);
            CrashPoint.Reach("postgres.before-begin");
            PostgresTransaction transaction = await PostgresTransaction.BeginAsync(
                _connection, _options.Clock, batch.ConvertAll(operation => operation.Needs), CancellationToken.None)
                .ConfigureAwait(false);
            foreach (PostgresWriteOperation operation in batch)
            {
                await operation.RunAsync(transaction).ConfigureAwait(false);
                CrashPoint.Reach("postgres.between-operations");
            }

            CrashPoint.Reach("postgres.before-commit");
            await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
            CrashPoint.Reach("postgres.after-commit");
            return null;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return new BigFsException(BigFsErrorCode.Unavailable, "The database is closed.");
        }
        catch (Exception exception)
        {
            // Whatever it was: the connection's state is not worth finding out.
            await DropConnectionAsync().ConfigureAwait(false);
            return exception;
        }
    }

    private bool IsLate(PostgresWriteOperation operation) =>
        _stop.IsCancellationRequested || _time.GetElapsedTime(operation.Enqueued) >= _options.RetryFor;

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Closing: once more without a pause.
        }
    }

    private async ValueTask DropConnectionAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            try
            {
                await PostgresDatabase.DropAsync(connection).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or InvalidOperationException)
            {
                LogNotClosed(exception);
            }
        }
    }

    private static void FailAll(List<PostgresWriteOperation> operations, BigFsException failure)
    {
        foreach (PostgresWriteOperation operation in operations)
        {
            operation.Fail(new BigFsException(failure.Code, failure.Message, failure));
            operation.Complete();
        }
    }

    private static void Complete(List<PostgresWriteOperation> operations)
    {
        foreach (PostgresWriteOperation operation in operations)
        {
            operation.Complete();
        }
    }

    [LoggerMessage(
        EventId = 3261,
        Level = LogLevel.Warning,
        Message = "A transaction failed (try {Failures}); its {Count} operations are done again or looked up: {Problem}")]
    private partial void LogAgain(int failures, int count, string problem);

    [LoggerMessage(EventId = 3262, Level = LogLevel.Debug, Message = "A connection that failed could not be closed")]
    private partial void LogNotClosed(Exception exception);
}
