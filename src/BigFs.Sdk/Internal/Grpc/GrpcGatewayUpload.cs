using BigFs.Internal.Gateway;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>One try of an upload over a stream of gateway.proto. One caller at a time; the answers are read beside it.</summary>
internal sealed class GrpcGatewayUpload : IGatewayUpload
{
    private readonly AsyncDuplexStreamingCall<ContentMessage<UploadPart>, UploadAnswer> _call;
    private readonly TaskCompletionSource _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CallRoute _route;
    private readonly string _fallback;
    private readonly ClientSettings _settings;
    private readonly Action<long> _acknowledged;
    private readonly CancellationToken _caller;
    private readonly StallLimit _limit;
    private readonly Task<UploadResult> _answers;

    /// <summary>Sends the call; its outcome shows with <see cref="OpenAsync"/>.</summary>
    public GrpcGatewayUpload(
        CallInvoker invoker,
        CallRoute route,
        string fallback,
        ClientSettings settings,
        TimeProvider clock,
        Action<long> acknowledged,
        CancellationToken cancellationToken)
    {
        (_route, _fallback, _settings, _acknowledged, _caller) = (route, fallback, settings, acknowledged, cancellationToken);
        _limit = new StallLimit(settings.OperationTimeout, clock, cancellationToken);
        _call = invoker.AsyncDuplexStreamingCall(ContentMethods.Upload, null, new CallOptions(cancellationToken: _limit.Token));
        _answers = ReadAnswersAsync();
    }

    public int MostBytes { get; private set; } = ContentMethods.MaxDataBytes;

    /// <summary>Sends the header and waits until it is accepted.</summary>
    public async Task OpenAsync(UploadHeader header)
    {
        await WriteAsync(ContentMessage<UploadPart>.Of(new UploadPart { Header = header })).ConfigureAwait(false);
        await Task.WhenAny(_accepted.Task, _answers).ConfigureAwait(false);
        if (!_accepted.Task.IsCompletedSuccessfully)
        {
            await _answers.ConfigureAwait(false);
        }

        _limit.Pause();
    }

    public async Task SendAsync(ReadOnlyMemory<byte> data)
    {
        // What the gateway does within its own stall time-out it is to say itself.
        _limit.Restart(_settings.StallTimeout + _settings.ConnectTimeout);
        await WriteAsync(ContentMessage<UploadPart>.Of(data)).ConfigureAwait(false);
        _limit.Pause();
    }

    public async Task<UploadResult> EndAsync(long size, uint crc32C)
    {
        _limit.Restart(_settings.StallTimeout + _settings.OperationTimeout);
        await WriteAsync(ContentMessage<UploadPart>.Of(new UploadPart { End = new UploadEnd { Size = size, Crc32C = crc32C } }))
            .ConfigureAwait(false);
        try
        {
            await _call.RequestStream.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (IsOfTheCall(exception))
        {
            // The answer is already on its way, and says what it was.
        }

        return await _answers.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _limit.Cancel();
        _call.Dispose();
        await _answers.EndAsync().ConfigureAwait(false);
        _limit.Dispose();
    }

    private async Task WriteAsync(ContentMessage<UploadPart> message)
    {
        try
        {
            await _call.RequestStream.WriteAsync(message).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsOfTheCall(exception))
        {
            // The reason is with the answers: the call has ended.
            await _answers.ConfigureAwait(false);
            throw Broken(exception);
        }
    }

    private async Task<UploadResult> ReadAnswersAsync()
    {
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                UploadAnswer answer = _call.ResponseStream.Current;
                switch (answer.AnswerCase)
                {
                    case UploadAnswer.AnswerOneofCase.Accepted:
                        MostBytes = Math.Clamp(answer.Accepted.MostDataBytes, 1, ContentMethods.MaxDataBytes);
                        _accepted.TrySetResult();
                        break;
                    case UploadAnswer.AnswerOneofCase.Acknowledged:
                        _acknowledged(answer.Acknowledged);
                        break;
                    case UploadAnswer.AnswerOneofCase.Receipt:
                        return answer.Receipt.FromProto();
                    default:
                        break;
                }
            }

            throw Broken(null);
        }
        catch (RpcException error)
        {
            throw GrpcGatewayContent.Failure(error, _limit, Endpoint, _caller);
        }
    }

    /// <summary>What sending throws when the call has ended or broken, in whichever layer it shows first.</summary>
    private static bool IsOfTheCall(Exception exception) =>
        exception is RpcException or InvalidOperationException or OperationCanceledException or IOException or HttpRequestException;

    private string Endpoint => _route.Endpoint ?? _fallback;

    private BigFsException Broken(Exception? inner) =>
        new(BigFsErrorCode.Unavailable, $"The gateway at {Endpoint} ended an upload without an answer.", inner) { Endpoint = Endpoint };
}
