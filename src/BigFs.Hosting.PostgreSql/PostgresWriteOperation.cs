namespace BigFs.Hosting.PostgreSql;

/// <summary>An operation waiting for <see cref="PostgresWriteQueue"/>, and later for the end of its transaction.</summary>
internal abstract class PostgresWriteOperation(PostgresNeeds needs, long enqueued)
{
    private int _begun;

    /// <summary>What it will look at.</summary>
    public PostgresNeeds Needs { get; } = needs;

    /// <summary>The timestamp of its arrival.</summary>
    public long Enqueued { get; } = enqueued;

    /// <summary>Whether nobody waits for it any more.</summary>
    public abstract bool IsAbandoned { get; }

    /// <summary>Whether the operation may begin: false once its caller gave up before.</summary>
    public bool TryBegin() => Interlocked.Exchange(ref _begun, 1) == 0;

    /// <summary>Ends its caller's wait; one that has begun goes on, and its outcome is unknown to the caller.</summary>
    public void GiveUp(CancellationToken token)
    {
        _ = TryBegin();
        Cancel(token);
    }

    /// <summary>Runs it in a transaction; keeps a refusal.</summary>
    /// <exception cref="Npgsql.NpgsqlException">The whole transaction is spoilt.</exception>
    public abstract Task RunAsync(PostgresTransaction transaction);

    /// <summary>Makes the operation fail, whatever it did before.</summary>
    public abstract void Fail(Exception exception);

    /// <summary>Tells the caller.</summary>
    public abstract void Complete();

    /// <summary>Tells the caller that it gave up.</summary>
    protected abstract void Cancel(CancellationToken token);
}

/// <inheritdoc cref="PostgresWriteOperation"/>
internal sealed class PostgresWriteOperation<T>(
    PostgresNeeds needs, long enqueued, Func<PostgresTransaction, ValueTask<T>> operation) : PostgresWriteOperation(needs, enqueued)
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _exception;
    private T? _result;

    /// <summary>The outcome, after the commit.</summary>
    public Task<T> Completion => _completion.Task;

    /// <inheritdoc/>
    public override bool IsAbandoned => _completion.Task.IsCompleted;

    /// <inheritdoc/>
    public override async Task RunAsync(PostgresTransaction transaction)
    {
        _exception = null;
        try
        {
            _result = await transaction.RunAsync(operation).ConfigureAwait(false);
        }
        catch (BigFsException refusal)
        {
            _exception = refusal;
        }
    }

    /// <inheritdoc/>
    public override void Fail(Exception exception) => _exception = exception;

    /// <inheritdoc/>
    public override void Complete()
    {
        // Whoever gave up has been told so already.
        _ = _exception is null ? _completion.TrySetResult(_result!) : _completion.TrySetException(_exception);
    }

    /// <inheritdoc/>
    protected override void Cancel(CancellationToken token) => _completion.TrySetCanceled(token);
}
