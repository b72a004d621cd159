using BigFs.Core.Control;
using BigFs.Core.Security;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>
/// The door of every control service: finds out who calls and whether the call's policy (<see cref="RpcPolicies"/>) lets it
/// pass. Stands inside of what translates errors.
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
        await continuation(request, new CheckedWriter<TResponse>(responseStream, context), context);
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

    /// <summary>A stream to a client, which ends when its key does.</summary>
    private sealed class CheckedWriter<T>(IServerStreamWriter<T> stream, ServerCallContext context)
        : IServerStreamWriter<T>
    {
        public WriteOptions? WriteOptions
        {
            get => stream.WriteOptions;
            set => stream.WriteOptions = value;
        }

        public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

        public async Task WriteAsync(T message, CancellationToken cancellationToken)
        {
            await Of(context).RequireAsync(AccessGate.RightsFor(context.Method), context.CancellationToken);
            await stream.WriteAsync(message, cancellationToken);
        }
    }

    [LoggerMessage(EventId = 1190, EventName = "CallNotAdmitted", Level = LogLevel.Warning,
        Message = "{Method} of {Peer} is refused: {Reason}")]
    private partial void LogRefused(string method, string peer, string reason);
}
