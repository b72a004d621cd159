using System.Diagnostics;
using BigFs.Hosting.Telemetry;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Grpc;

/// <summary>
/// Serves one stream of calls: starts each as it arrives, answers each when it is ready, in any order, and what is ready
/// together in one message. When so many are in flight that no more are begun, nothing more is read. A caller that has said all
/// and listens on gets its answers; a stream that breaks or is stopped cancels what has not begun.
/// </summary>
internal sealed partial class CallExchange
{
    private const int MostInFlight = 2 * CallStream.MostInFlight;

    /// <summary>How late it may be noticed that a call's time is up.</summary>
    private static readonly TimeSpan DeadlineCheck = TimeSpan.FromMilliseconds(50);

    private readonly IServerStreamWriter<Answers> _answers;
    private readonly Func<Call, CancellationToken, ValueTask<Answer>> _handle;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end;
    private readonly Coalescer<Answer> _sender;
    private readonly Answers _message = new();
    private readonly SemaphoreSlim _room = new(MostInFlight, MostInFlight);
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, Running> _running = [];
    private readonly string _service;
    private readonly ITimer _deadlines;
    private bool _isTicking;

    private CallExchange(
        string service,
        IServerStreamWriter<Answers> answers,
        Func<Call, CancellationToken, ValueTask<Answer>> handle,
        ILogger logger,
        CancellationToken ended)
    {
        (_service, _answers, _handle, _logger) = (service, answers, handle, logger);
        _deadlines = TimeProvider.System.CreateTimer(
            static state => ((CallExchange)state!).CheckDeadlines(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _end = CancellationTokenSource.CreateLinkedTokenSource(ended);
        _sender = new Coalescer<Answer>(WriteAsync, Broken);
    }

    /// <summary>Serves until the caller ends the stream, it breaks, or the reader is told to stop.</summary>
    /// <param name="service">The role's service, for metrics.</param>
    /// <param name="calls">What arrives.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="handle">Carries a call out; what it throws is sent as the answer.</param>
    /// <param name="logger">Is told of failures that are faults.</param>
    /// <param name="ended">Cancelled when nobody listens any more.</param>
    public static async Task ServeAsync(
        string service,
        IAsyncStreamReader<Calls> calls,
        IServerStreamWriter<Answers> answers,
        Func<Call, CancellationToken, ValueTask<Answer>> handle,
        ILogger logger,
        CancellationToken ended)
    {
        var exchange = new CallExchange(service, answers, handle, logger, ended);
        try
        {
            await exchange.ReadAsync(calls);
            await exchange.AnswerRestAsync();
        }
        finally
        {
            await exchange.EndAsync();
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<Calls> calls)
    {
        while (await calls.MoveNext(_end.Token))
        {
            Calls message = calls.Current;
            foreach (uint id in message.Cancelled)
            {
                Cancel(id);
            }

            long readAt = Stopwatch.GetTimestamp();
            foreach (Call call in message.Calls_)
            {
                await _room.WaitAsync(_end.Token);
                _ = RunAsync(call, readAt);
            }
        }
    }

    /// <summary>Carries out one call; never throws, and gives its room back when its answer is on its way.</summary>
    private async Task RunAsync(Call call, long readAt)
    {
        var own = new Running(new CancellationTokenSource(), readAt, call.LimitMilliseconds);
        if (own.IsLate)
        {
            // Its caller has given up, and hears of it all the same when it has not.
            ServiceMetrics.WasLate(_service);
            _sender.Add(new Answer { Id = call.Id, Error = WireErrors.ToDetail(Late(call)) });
            _room.Release();
            return;
        }

        lock (_gate)
        {
            _running[call.Id] = own;
            TickNeedsGate(true);
        }

        ServiceMetrics.Call measured = ServiceMetrics.Begin(_service, Name(call), call.TraceParent);
        Answer? answer = await AnswerAsync(call, measured, own.Stop);
        lock (_gate)
        {
            if (_running.TryGetValue(call.Id, out Running? running) && running == own)
            {
                _running.Remove(call.Id);
            }
        }

        if (answer is not null)
        {
            answer.Id = call.Id;
            _sender.Add(answer);
        }

        _room.Release();
    }

    /// <summary>What is to be answered; null when nobody waits any longer.</summary>
    private async Task<Answer?> AnswerAsync(Call call, ServiceMetrics.Call measured, CancellationTokenSource stop)
    {
        string outcome = BigFsTelemetry.Ok;
        try
        {
            Answer answer = await _handle(call, stop.Token);
            return answer.CalculateSize() > ControlLimits.MaxStreamedBytes ? new Answer { TooLarge = new Empty() } : answer;
        }
        catch (Exception error)
        {
            outcome = BigFsTelemetry.OutcomeOf(error);
            switch (error)
            {
                case BigFsException expected:
                    return new Answer { Error = WireErrors.ToDetail(expected) };
                case not null when stop.IsCancellationRequested:
                    return null;
                default:
                    LogFailure(call.OperationCase, error!);
                    return new Answer
                    {
                        Error = WireErrors.ToDetail(new BigFsException(
                            BigFsErrorCode.Internal, $"{call.OperationCase} failed; the log of its process says why.")),
                    };
            }
        }
        finally
        {
            measured.End(outcome);
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
        List<Running>? late = null;
        lock (_gate)
        {
            TickNeedsGate(_running.Count > 0);
            foreach (Running running in _running.Values)
            {
                if (running.IsLate && !running.Stop.IsCancellationRequested)
                {
                    (late ??= []).Add(running);
                }
            }
        }

        foreach (Running running in late ?? [])
        {
            ServiceMetrics.WasLate(_service);
            running.Stop.Cancel();
        }
    }

    /// <summary>The call's name as that of the unary operation, as far as there is one.</summary>
    private static string Name(Call call) => call.OperationCase switch
    {
        Call.OperationOneofCase.FindMetadata => "Find",
        var operation => operation.ToString(),
    };

    private static BigFsException Late(Call call) =>
        new(BigFsErrorCode.TimedOut, $"{call.OperationCase} was not begun: the time that its caller waits was up before.");

    /// <summary>Returns when nothing is in flight any more; calls that have begun are finished, unless nobody listens.</summary>
    private async Task AnswerRestAsync()
    {
        await using (_end.Token.UnsafeRegister(static state => ((CallExchange)state!).CancelRunning(), this))
        {
            await FillRoomAsync();
        }

        _room.Release(MostInFlight);
    }

    private async Task EndAsync()
    {
        await _deadlines.DisposeAsync();
        await _end.CancelAsync();
        CancelRunning();

        // What had begun goes on to its end, and is answered as long as somebody listens.
        await FillRoomAsync();
        await _sender.CloseAsync();
        _end.Dispose();
    }

    private async Task FillRoomAsync()
    {
        for (int i = 0; i < MostInFlight; i++)
        {
            await _room.WaitAsync(CancellationToken.None);
        }
    }

    private void CancelRunning()
    {
        CancellationTokenSource[] left;
        lock (_gate)
        {
            left = [.. _running.Values.Select(running => running.Stop)];
        }

        foreach (CancellationTokenSource one in left)
        {
            one.Cancel();
        }
    }

    private void Cancel(uint id)
    {
        Running? call;
        lock (_gate)
        {
            _running.TryGetValue(id, out call);
        }

        call?.Stop.Cancel();
    }

    private async Task WriteAsync(List<Answer> batch)
    {
        // Each is bounded, so that few make a large message.
        int bytes = 0;
        foreach (Answer answer in batch)
        {
            _message.Answers_.Add(answer);
            bytes += answer.CalculateSize();
            if (bytes >= ControlLimits.MaxStreamedBytes)
            {
                await _answers.WriteAsync(_message);
                _message.Answers_.Clear();
                bytes = 0;
            }
        }

        if (_message.Answers_.Count > 0)
        {
            await _answers.WriteAsync(_message);
            _message.Answers_.Clear();
        }
    }

    /// <summary>Nobody gets an answer any more: the caller of the stream has gone, or will know by its end.</summary>
    private void Broken(Exception reason) => _end.Cancel();

    /// <summary>A call under way, or about to be.</summary>
    private sealed record Running(CancellationTokenSource Stop, long ReadAt, uint LimitMilliseconds)
    {
        public bool IsLate => LimitMilliseconds > 0 && Stopwatch.GetElapsedTime(ReadAt).TotalMilliseconds >= LimitMilliseconds;
    }

    [LoggerMessage(EventId = 1101, EventName = "StreamedCallFailed", Level = LogLevel.Error, Message = "The streamed {Operation} failed")]
    private partial void LogFailure(Call.OperationOneofCase operation, Exception exception);
}
