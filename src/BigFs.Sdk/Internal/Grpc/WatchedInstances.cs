using System.Collections.Immutable;
using BigFs.Core.Control;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Endpoints that a name server tells, followed from the first question on. What it said last stays in use while it is
/// away. Thread-safe.
/// </summary>
internal sealed class WatchedInstances(IInstanceWatch names, ServiceRole role, TimeProvider clock) : InstanceSource
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly InstanceView _view = new(clock);
    private TaskCompletionSource _news = NewSignal();
    private TaskCompletionSource _wanted = NewSignal();
    private BigFsException? _failure;
    private bool _isFollowing;
    private bool _disposed;
    private Task _loop = Task.CompletedTask;

    public override bool IsFixed => false;

    public override ImmutableArray<string> Known
    {
        get
        {
            lock (_gate)
            {
                return _view.Endpoints;
            }
        }
    }

    public override async ValueTask<ImmutableArray<string>> GetAsync(
        TimeSpan limit, bool patient, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        Start();
        while (true)
        {
            Task news;
            lock (_gate)
            {
                // None is an answer as well.
                if (!_view.Endpoints.IsEmpty || _isFollowing)
                {
                    return _view.Endpoints;
                }

                news = _news.Task;
                _wanted.TrySetResult();
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            TimeSpan left = limit - clock.GetElapsedTime(start);
            Task time = Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, clock, end.Token);
            bool told = await Task.WhenAny(news, time).ConfigureAwait(false) == news;
            await end.CancelAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            lock (_gate)
            {
                if (_view.Endpoints.IsEmpty && !_isFollowing && !(told && (patient || _failure is null)))
                {
                    throw _failure ?? new BigFsException(BigFsErrorCode.TimedOut, "The name server did not answer in time.");
                }
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Start()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_loop == Task.CompletedTask)
            {
                // Not in the flow of the call that happens to come first.
                using AsyncFlowControl? flow = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
                _loop = Task.Run(() => FollowAsync(_stop.Token), CancellationToken.None);
            }
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        int failures = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            BigFsException? failure = null;
            try
            {
                await foreach (InstanceUpdate update in names.WatchAsync(role, cancellationToken).ConfigureAwait(false))
                {
                    failures = 0;
                    Take(update);
                    _ = ForgetLaterAsync(cancellationToken);
                }
            }
            catch (BigFsException error)
            {
                failure = error;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            Task wanted = Lose(failure ?? new BigFsException(BigFsErrorCode.Unavailable, "The name server ended the watch."));
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(Task.Delay(Pause(failures++), clock, end.Token), AtLeastAsync(wanted, end.Token)).ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Somebody waits for an answer: then the next try comes sooner, but not at once.</summary>
    private async Task AtLeastAsync(Task wanted, CancellationToken cancellationToken)
    {
        await wanted.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(FirstPause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static TimeSpan Pause(int earlierFailures)
    {
        TimeSpan pause = FirstPause * (1 << Math.Min(earlierFailures, 10));
        return pause < LongestPause ? pause : LongestPause;
    }

    private void Take(InstanceUpdate update)
    {
        TaskCompletionSource news;
        lock (_gate)
        {
            _view.Apply(update);
            (_isFollowing, _failure) = (true, null);
            (news, _news) = (_news, NewSignal());
        }

        TellChanged();
        news.SetResult();
    }

    /// <summary>Notes that nobody is followed now.</summary>
    /// <returns>Done when somebody waits for an answer.</returns>
    private Task Lose(BigFsException failure)
    {
        TaskCompletionSource news;
        Task wanted;
        lock (_gate)
        {
            (_isFollowing, _failure) = (false, failure);
            (news, _news) = (_news, NewSignal());
            wanted = (_wanted = NewSignal()).Task;
        }

        news.SetResult();
        return wanted;
    }

    private async Task ForgetLaterAsync(CancellationToken cancellationToken)
    {
        TimeSpan? left;
        lock (_gate)
        {
            left = _view.DoubtLeft;
        }

        if (left is not { } pause)
        {
            return;
        }

        await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        bool changed;
        lock (_gate)
        {
            changed = _isFollowing && _view.DoubtLeft == TimeSpan.Zero && _view.ForgetUnconfirmed();
        }

        if (changed)
        {
            TellChanged();
        }
    }
}
