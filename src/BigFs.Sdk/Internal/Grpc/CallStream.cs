using System.Diagnostics;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// One stream of calls to one instance of a role, from its opening to its break. Many callers share it: their calls travel
/// together, answers come in any order. A break fails what is in flight, with an outcome that nobody knows: whoever sends
/// it again does so on a new stream. Thread-safe.
/// </summary>
internal sealed class CallStream : IAsyncDisposable
{
    /// <summary>Calls in flight at once; more wait for their turn.</summary>
    public const int MostInFlight = 1024;

    /// <summary>How late a call's end by its deadline may be noticed.</summary>
    private static readonly TimeSpan DeadlineCheck = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, Pending> _inFlight = [];
    private readonly SemaphoreSlim _room = new(MostInFlight, MostInFlight);
    private readonly CancellationTokenSource _stop = new();
    private readonly AsyncDuplexStreamingCall<Calls, Answers> _stream;
    private readonly Coalescer<Call> _sender;
    private readonly Calls _message = new();
    private readonly List<uint> _cancelled = [];
    private readonly TimeProvider _clock;
    private readonly TaskCreationOptions _continuations;
    private readonly ITimer _deadlines;
    private readonly Task _reading;
    private uint _lastId;
    private volatile RpcException? _failure;
    private bool _isTicking;

    /// <summary>Opens the stream; that it cannot be opened shows with the first call.</summary>
    /// <param name="open">Opens it.</param>
    /// <param name="clock">The clock of deadlines.</param>
    /// <param name="inline">
    /// Whether callers go on in the flow that reads the answers: for roles, whose next step is short; never for what runs a
    /// user's code, which may block.
    /// </param>
    public CallStream(
        Func<CallOptions, AsyncDuplexStreamingCall<Calls, Answers>> open, TimeProvider clock, bool inline = false)
    {
        _clock = clock;
        _continuations = inline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously;
        _stream = open(new CallOptions(cancellationToken: _stop.Token));
        _sender = new Coalescer<Call>(WriteAsync, Break);
        _deadlines = clock.CreateTimer(
            static state => ((CallStream)state!).CheckDeadlines(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _reading = ReadAsync();
    }

    /// <summary>Whether no call can be sent any more.</summary>
    public bool IsBroken => _failure is not null;

    /// <summary>Sends a call, whose id is chosen here, and waits for its answer.</summary>
    /// <param name="call">The call; not changed by others until this returns.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="cancellationToken">Ends the wait, and the call as far as it has not begun.</param>
    /// <exception cref="RpcException">Unavailable: the stream broke. DeadlineExceeded.</exception>
    public async ValueTask<Answer> SendAsync(Call call, TimeSpan limit, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var pending = new Pending(this, _clock.GetTimestamp(), limit);
            call.LimitMilliseconds = (uint)Math.Clamp(limit.TotalMilliseconds, 1, uint.MaxValue);
            call.TraceParent = Activity.Current?.Id ?? "";
            lock (_gate)
            {
                if (_failure is { } failure)
                {
                    throw Copy(failure);
                }

                do
                {
                    _lastId++;
                }
                while (_lastId == 0 || !_inFlight.TryAdd(_lastId, pending));
                TickNeedsGate(true);

                call.Id = pending.Id = _lastId;
            }

            _ = _sender.Add(call);
            using (cancellationToken.UnsafeRegister(
                static (state, token) => ((Pending)state!).Cancel(token), pending))
            {
                return await pending.Task.ConfigureAwait(false);
            }
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>Ends the stream; calls in flight fail as by a break.</summary>
    public async ValueTask DisposeAsync()
    {
        await _deadlines.DisposeAsync().ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        await _sender.CloseAsync().ConfigureAwait(false);
        _stream.Dispose();
        _stop.Dispose();
    }

    private static RpcException Copy(RpcException failure) => new(failure.Status, failure.Trailers);

    private async Task WriteAsync(List<Call> batch)
    {
        lock (_gate)
        {
            _message.Cancelled.AddRange(_cancelled);
            _cancelled.Clear();
        }

        foreach (Call call in batch)
        {
            // Without a number it only brings a cancellation along.
            if (call.Id != 0)
            {
                _message.Calls_.Add(call);
            }
        }

        try
        {
            await _stream.RequestStream.WriteAsync(_message).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            // The call has ended; why, the reading side is told.
            await _reading.ConfigureAwait(false);
            throw;
        }

        _message.Calls_.Clear();
        _message.Cancelled.Clear();
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _stream.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                foreach (Answer answer in _stream.ResponseStream.Current.Answers_)
                {
                    Take(answer.Id)?.Complete(answer);
                }
            }

            Break(new RpcException(new Status(StatusCode.Unavailable, "The stream was ended.")));
        }
        catch (Exception exception)
        {
            Break(exception);
        }
    }

    /// <summary>Fails everything in flight; whatever the reason says, the instance cannot be reached on this stream.</summary>
    private void Break(Exception reason)
    {
        Pending[] left;
        RpcException failure = reason is RpcException
        {
            // A stream that the other side does not admit was refused, and so is what waits on it.
            StatusCode: StatusCode.Unavailable or StatusCode.Unimplemented or StatusCode.Unauthenticated or StatusCode.PermissionDenied,
        } known
            ? known
            : new RpcException(new Status(
                StatusCode.Unavailable, (reason as RpcException)?.Status.Detail ?? reason.Message, reason));
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = failure;
            left = [.. _inFlight.Values];
            _inFlight.Clear();
        }

        foreach (Pending pending in left)
        {
            pending.Fail(Copy(failure));
        }

        // The other direction too; not in this flow, which may be the one that disposal waits for.
        if (!_stop.IsCancellationRequested)
        {
            _stop.CancelAfter(TimeSpan.Zero);
        }
    }

    /// <summary>Looks for late calls from now on, or no longer: a stream at rest costs nothing.</summary>
    private void TickNeedsGate(bool on)
    {
        if (_isTicking != on)
        {
            _isTicking = on;
            TimeSpan period = on ? DeadlineCheck : Timeout.InfiniteTimeSpan;
            _deadlines.Change(period, period);
        }
    }

    private void CheckDeadlines()
    {
        List<Pending>? late = null;
        lock (_gate)
        {
            TickNeedsGate(_inFlight.Count > 0);
            foreach (Pending pending in _inFlight.Values)
            {
                if (_clock.GetElapsedTime(pending.Since) >= pending.Limit)
                {
                    (late ??= []).Add(pending);
                }
            }
        }

        foreach (Pending pending in late ?? [])
        {
            if (GiveUp(pending.Id))
            {
                pending.Fail(new RpcException(new Status(StatusCode.DeadlineExceeded, "No answer came in time.")));
            }
        }
    }

    private Pending? Take(uint id)
    {
        lock (_gate)
        {
            return _inFlight.Remove(id, out Pending? pending) ? pending : null;
        }
    }

    /// <summary>Forgets a call and tells the other side that nobody waits; false when it has ended.</summary>
    private bool GiveUp(uint id)
    {
        lock (_gate)
        {
            if (!_inFlight.Remove(id))
            {
                return false;
            }

            _cancelled.Add(id);
        }

        _ = _sender.Add(new Call());
        return true;
    }

    /// <summary>A call that waits for its answer.</summary>
    private sealed class Pending(CallStream stream, long since, TimeSpan limit)
        : TaskCompletionSource<Answer>(stream._continuations)
    {
        public uint Id { get; set; }

        public long Since => since;

        public TimeSpan Limit => limit;

        public void Complete(Answer answer) => TrySetResult(answer);

        public void Fail(RpcException failure) => TrySetException(failure);

        public void Cancel(CancellationToken token)
        {
            if (stream.GiveUp(Id))
            {
                TrySetCanceled(token);
            }
        }
    }
}
