using BigFs.Core.Control;
using BigFs.Core.Security;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>
/// The door of every control service: finds out who calls and whether the call's policy (<see cref="RpcPolicies"/>) lets it
/// pass. Stands inside of what translates errors. A stream of answers ends when its caller's key does; the services of streams both ways
/// see to that themselves, for each call on it or for the whole.
/// </summary>
internal sealed partial class AccessInterceptor(AccessGate gate, ILogger<AccessInterceptor> logger) : Interceptor
{
    private const string Caller = "bigfs-caller";

    /// <summary>Who makes the call.</summary>
    public static CallAccess Of(ServerCallContext context) =>
        context.UserState.TryGetValue(Caller, out object? access) ? (CallAccess)access : CallAccess.Open;

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        await AdmitAsync(context);
        return await continuation(request, context);
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await AdmitAsync(context);
        return await continuation(requestStream, context);
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await AdmitAsync(context);
        CallAccess caller = Of(context);
        await (caller.Key is null
            ? continuation(request, responseStream, context)
            : caller.WhileGoodAsync(
                end => continuation(request, new EndingWriter<TResponse>(responseStream, end), new EndingCall(context, end)),
                context.CancellationToken));
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await AdmitAsync(context);
        await continuation(requestStream, responseStream, context);
    }

    private async ValueTask AdmitAsync(ServerCallContext context)
    {
        string method = context.Method;
        try
        {
            context.UserState[Caller] = await FindCallerAsync(context);
        }
        catch (BigFsException refused) when (refused.Code is BigFsErrorCode.Unauthenticated or BigFsErrorCode.NotAllowed)
        {
            if (gate.MayLogRefusal())
            {
                LogRefused(method, context.Peer, refused.Message);
            }

            throw;
        }
    }

    private ValueTask<CallAccess> FindCallerAsync(ServerCallContext context)
    {
        string? authorization = context.RequestHeaders.GetValue(AccessGate.KeyHeader);
        byte[]? token = context.RequestHeaders.GetValueBytes(AccessGate.RoleHeader);
        byte[]? node = context.RequestHeaders.GetValueBytes(DataNode.DataNodeService.NodeHeader);
        bool hasCertificate = context.AuthContext.IsPeerAuthenticated;
        return gate.AdmitAsync(context.Method, authorization, token, node, hasCertificate, context.CancellationToken);
    }

    /// <summary>A stream to a client that takes nothing more when it has ended.</summary>
    private sealed class EndingWriter<T>(IServerStreamWriter<T> stream, CancellationToken end) : IServerStreamWriter<T>
    {
        public WriteOptions? WriteOptions
        {
            get => stream.WriteOptions;
            set => stream.WriteOptions = value;
        }

        public async Task WriteAsync(T message)
        {
            end.ThrowIfCancellationRequested();
            await stream.WriteAsync(message, end);
        }

        public async Task WriteAsync(T message, CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(end, cancellationToken);
            either.Token.ThrowIfCancellationRequested();
            await stream.WriteAsync(message, either.Token);
        }
    }

    [LoggerMessage(EventId = 1190, EventName = "CallNotAdmitted", Level = LogLevel.Warning,
        Message = "{Method} of {Peer} is refused: {Reason}")]
    private partial void LogRefused(string method, string peer, string reason);
}
