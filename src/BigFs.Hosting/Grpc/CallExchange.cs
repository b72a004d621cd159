using System.Diagnostics;
using BigFs.Hosting.Diagnostics;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Grpc;

/// <summary>
/// Serves one stream of calls: starts each as it arrives, answers each when it is ready, in any order, and what is ready
/// together in one message. When so many are in flight that no more are begun, nothing more is read. Ends with the stream,
/// which cancels what has not begun.
/// </summary>
internal sealed partial class CallExchange
{
    private const int MostInFlight = 2 * CallStream.MostInFlight;

    private readonly IServerStreamWriter<Answers> _answers;
    private readonly Func<Call, CancellationToken, ValueTask<Answer>> _handle;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end;
    private readonly Coalescer<Answer> _sender;
    private readonly Answers _message = new();
    private readonly SemaphoreSlim _room = new(MostInFlight, MostInFlight);
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, CancellationTokenSource> _running = [];

    private CallExchange(
        IServerStreamWriter<Answers> answers,
        Func<Call, CancellationToken, ValueTask<Answer>> handle,
        ILogger logger,
        CancellationToken ended)
    {
        (_answers, _handle, _logger) = (answers, handle, logger);
        _end = CancellationTokenSource.CreateLinkedTokenSource(ended);
        _sender = new Coalescer<Answer>(WriteAsync, Broken);
    }

    /// <summary>Serves until the caller ends the stream, it breaks, or the reader is told to stop.</summary>
    /// <param name="calls">What arrives.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="handle">Carries a call out; what it throws is sent as the answer.</param>
    /// <param name="logger">Is told of failures that are faults.</param>
    /// <param name="ended">Cancelled when nobody listens any more.</param>
    public static async Task ServeAsync(
        IAsyncStreamReader<Calls> calls,
        IServerStreamWriter<Answers> answers,
        Func<Call, CancellationToken, ValueTask<Answer>> handle,
        ILogger logger,
        CancellationToken ended)
    {
        var exchange = new CallExchange(answers, handle, logger, ended);
        try
        {
            await exchange.ReadAsync(calls);
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

            foreach (Call call in message.Calls_)
            {
                await _room.WaitAsync(_end.Token);
                _ = RunAsync(call);
            }
        }
    }

    /// <summary>Carries out one call; never throws, and gives its room back when its answer is on its way.</summary>
    private async Task RunAsync(Call call)
    {
        using Activity? activity = call.HasTrace
            ? Tracing.Source.StartActivity(call.OperationCase.ToString(), ActivityKind.Server, call.Trace)
            : null;
        var stop = new CancellationTokenSource();
        lock (_gate)
        {
            _running[call.Id] = stop;
        }

        Answer? answer;
        try
        {
            answer = await _handle(call, stop.Token);
            if (answer.CalculateSize() > ControlLimits.MaxStreamedBytes)
            {
                answer = new Answer { TooLarge = new Empty() };
            }
        }
        catch (BigFsException expected)
        {
            activity?.SetStatus(ActivityStatusCode.Error, expected.Code.ToString());
            answer = new Answer { Error = WireErrors.ToDetail(expected) };
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Nobody waits any longer.
            answer = null;
        }
        catch (Exception error)
        {
            LogFailure(call.OperationCase, error);
            answer = new Answer
            {
                Error = WireErrors.ToDetail(new BigFsException(
                    BigFsErrorCode.Internal, $"{call.OperationCase} failed; the log of its process says why.")),
            };
        }

        lock (_gate)
        {
            if (_running.TryGetValue(call.Id, out CancellationTokenSource? own) && own == stop)
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

    private async Task EndAsync()
    {
        CancellationTokenSource[] left;
        await _end.CancelAsync();
        lock (_gate)
        {
            left = [.. _running.Values];
        }

        foreach (CancellationTokenSource one in left)
        {
            await one.CancelAsync();
        }

        // What had begun goes on to its end, and is answered as long as somebody listens.
        for (int i = 0; i < MostInFlight; i++)
        {
            await _room.WaitAsync(CancellationToken.None);
        }

        await _sender.CloseAsync();
        _end.Dispose();
    }

    private void Cancel(uint id)
    {
        CancellationTokenSource? call;
        lock (_gate)
        {
            _running.TryGetValue(id, out call);
        }

        call?.Cancel();
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

    [LoggerMessage(EventId = 1101, EventName = "StreamedCallFailed", Level = LogLevel.Error, Message = "The streamed {Operation} failed")]
    private partial void LogFailure(Call.OperationOneofCase operation, Exception exception);
}
