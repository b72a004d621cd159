using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>An operation waiting for <see cref="SqliteWriteQueue"/>: waiting, then either running or cancelled.</summary>
internal abstract class SqliteWriteOperation
{
    private int _taken;

    /// <summary>Whether the operation may begin: false once it was cancelled.</summary>
    public bool TryStart() => Interlocked.Exchange(ref _taken, 1) == 0;

    /// <summary>Ends the wait, unless the operation has begun.</summary>
    public void Cancel(CancellationToken token)
    {
        if (TryStart())
        {
            CancelCompletion(token);
        }
    }

    /// <summary>Runs it; false when what it changed must be undone.</summary>
    /// <exception cref="SqliteException">The whole transaction is spoilt.</exception>
    public abstract bool TryRun(SqliteDatabase database);

    /// <summary>Makes the operation fail, whatever it did before.</summary>
    public abstract void Fail(Exception exception);

    /// <summary>Tells the caller.</summary>
    public abstract void Complete();

    /// <summary>Tells the caller that it was cancelled.</summary>
    protected abstract void CancelCompletion(CancellationToken token);
}

/// <inheritdoc cref="SqliteWriteOperation"/>
internal sealed class SqliteWriteOperation<T>(Func<T> operation) : SqliteWriteOperation
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _exception;
    private T? _result;

    /// <summary>The outcome, after the commit.</summary>
    public Task<T> Completion => _completion.Task;

    /// <inheritdoc/>
    public override bool TryRun(SqliteDatabase database)
    {
        _exception = null;
        try
        {
            _result = operation();
            return true;
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode == raw.SQLITE_CONSTRAINT)
        {
            _exception = database.Translate(exception);
        }
        catch (Exception exception) when (exception is not SqliteException)
        {
            // The caller's to handle: an expected refusal, or a fault of its own operation.
            _exception = exception;
        }

        return false;
    }

    /// <inheritdoc/>
    public override void Fail(Exception exception) => _exception = exception;

    /// <inheritdoc/>
    public override void Complete()
    {
        if (_exception is null)
        {
            _completion.SetResult(_result!);
        }
        else
        {
            _completion.SetException(_exception);
        }
    }

    /// <inheritdoc/>
    protected override void CancelCompletion(CancellationToken token) => _completion.SetCanceled(token);
}
