using System.Threading.Tasks.Sources;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// An operation waiting for <see cref="SqliteWriteQueue"/>: waiting, then either running or cancelled. As a work item of the
/// thread pool it tells its caller, who goes on there: on a turn of its own, so that what it does holds nobody else up.
/// </summary>
internal abstract class SqliteWriteOperation : IThreadPoolWorkItem
{
    private CancellationTokenRegistration _registration;
    private int _taken;

    /// <summary>Heeds the token until the operation begins; before it waits anywhere.</summary>
    public void Heed(CancellationToken token)
    {
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(
                static (state, token) => ((SqliteWriteOperation)state!).Cancel(token), this);
        }
    }

    /// <summary>Whether the operation may begin: false once it was cancelled.</summary>
    public bool TryStart() => Interlocked.Exchange(ref _taken, 1) == 0;

    /// <summary>Runs it; false when what it changed must be undone.</summary>
    /// <exception cref="SqliteException">The whole transaction is spoilt.</exception>
    public abstract bool TryRun(SqliteDatabase database);

    /// <summary>Makes the operation fail, whatever it did before.</summary>
    public abstract void Fail(Exception exception);

    /// <summary>Tells the caller on a thread of the pool, after what waits there already.</summary>
    public void Complete() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    /// <summary>Tells the caller, who goes on at once and here.</summary>
    public void Execute()
    {
        _registration.Unregister();
        Tell();
    }

    /// <summary>Ends the wait.</summary>
    protected abstract void Tell();

    private void Cancel(CancellationToken token)
    {
        if (TryStart())
        {
            Fail(new OperationCanceledException(token));
            Complete();
        }
    }
}

/// <inheritdoc cref="SqliteWriteOperation"/>
internal sealed class SqliteWriteOperation<T>(Func<T> operation) : SqliteWriteOperation, IValueTaskSource<T>
{
    // Continues where it is told: that is a turn of the caller's own already.
    private ManualResetValueTaskSourceCore<T> _completion;
    private Exception? _exception;
    private T? _result;

    /// <summary>The outcome, after the commit; awaited once.</summary>
    public ValueTask<T> Completion => new(this, _completion.Version);

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
    public T GetResult(short token) => _completion.GetResult(token);

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _completion.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    protected override void Tell()
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
}
