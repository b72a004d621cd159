using BigFs.Internal.Grpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Grpc;

/// <summary>Turns what a service throws into what may leave the process; for all services alike.</summary>
internal sealed partial class ErrorInterceptor(ILogger<ErrorInterceptor> logger, CancellationToken stopping) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception error)
        {
            throw Translate(error, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context);
        }
        catch (Exception error)
        {
            throw Translate(error, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception error)
        {
            throw Translate(error, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            // The content of a file has an end of its own, for which a stop waits.
            IAsyncStreamReader<TRequest> reader =
                ContentMethods.IsContent(context.Method) ? requestStream : new StoppingReader<TRequest>(requestStream, stopping);
            await continuation(reader, responseStream, context);
        }
        catch (Exception error)
        {
            throw Translate(error, context);
        }
    }

    private RpcException Translate(Exception error, ServerCallContext context)
    {
        switch (error)
        {
            case RpcException own:
                return own;
            case BigFsException expected:
                return WireErrors.ToRpc(expected);
            case OperationCanceledException or IOException when context.CancellationToken.IsCancellationRequested:
                // Nobody waits any longer.
                return new RpcException(new Status(StatusCode.Cancelled, "The caller has gone."));
            case OperationCanceledException or ObjectDisposedException when stopping.IsCancellationRequested:
                // No detail: the caller may try another instance.
                return new RpcException(new Status(StatusCode.Unavailable, "The role is stopping."));
            default:
                LogFailure(context.Method, error);
                return WireErrors.ToRpc(new BigFsException(
                    BigFsErrorCode.Internal, $"{context.Method} failed; the log of its process says why."));
        }
    }

    /// <summary>Reads until the listener stops: a stream that both sides keep open would never end.</summary>
    private sealed class StoppingReader<T>(IAsyncStreamReader<T> reader, CancellationToken stopping) : IAsyncStreamReader<T>
    {
        public T Current => reader.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
            return await reader.MoveNext(either.Token);
        }
    }

    [LoggerMessage(EventId = 1100, EventName = "ControlCallFailed", Level = LogLevel.Error, Message = "{Method} failed")]
    private partial void LogFailure(string method, Exception error);
}
