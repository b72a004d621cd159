using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// A stream of answers from one instance of a role. There is no limit for the whole, which ends when its reader wants; each
/// answer has one. Not thread-safe.
/// </summary>
internal sealed class AnswerStream<TResponse> : IDisposable
    where TResponse : class
{
    private readonly string _role;
    private readonly string _endpoint;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _late;
    private readonly CancellationTokenSource _end;
    private readonly AsyncServerStreamingCall<TResponse> _call;

    /// <summary>Sends the call; its outcome shows with <see cref="OpenAsync"/>.</summary>
    public AnswerStream(
        Func<CallOptions, AsyncServerStreamingCall<TResponse>> open,
        string role,
        string endpoint,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        (_role, _endpoint, _caller) = (role, endpoint, cancellationToken);
        _late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _late.Token);
        _call = open(new CallOptions(cancellationToken: _end.Token));
    }

    /// <summary>The answer that was read last; null at the end.</summary>
    public TResponse? Current { get; private set; }

    /// <summary>Waits for the first answer.</summary>
    /// <exception cref="RpcException">What the role sent, or how the transport failed; DeadlineExceeded.</exception>
    public async Task OpenAsync(TimeSpan limit)
    {
        _late.CancelAfter(limit);
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (RpcException) when (IsLate)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, "No answer came in time."));
        }
    }

    /// <summary>Waits for the next answer.</summary>
    /// <exception cref="BigFsException">What the role sent; Unavailable (the stream broke), TimedOut.</exception>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled.</exception>
    public async Task NextAsync(TimeSpan limit)
    {
        _late.CancelAfter(limit);
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (RpcException error)
        {
            _caller.ThrowIfCancellationRequested();
            RpcException known = IsLate ? new RpcException(new Status(StatusCode.DeadlineExceeded, "No answer came in time.")) : error;
            throw WireErrors.Sent(known, _endpoint) ?? WireErrors.FromTransport(known, _role, _endpoint, attempts: 1);
        }
    }

    /// <summary>Ends the stream, at both ends.</summary>
    public void Dispose()
    {
        _call.Dispose();
        _end.Dispose();
        _late.Dispose();
    }

    private bool IsLate => _late.IsCancellationRequested && !_caller.IsCancellationRequested;

    private async Task ReadAsync()
    {
        Current = null;
        if (await _call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
        {
            Current = _call.ResponseStream.Current;
        }

        // Its reader may take its time with an answer.
        _late.CancelAfter(Timeout.InfiniteTimeSpan);
    }
}
