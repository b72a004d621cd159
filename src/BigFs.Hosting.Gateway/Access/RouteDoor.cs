using BigFs.Core.Security;
using BigFs.Hosting.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>
/// The door of every route of HTTP, before its body is read: whoever the route's policy does not let pass is refused. What is
/// gRPC has a door of its own.
/// </summary>
internal sealed partial class RouteDoor(RequestDelegate next, AccessGate gate, ILogger<RouteDoor> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        Endpoint? endpoint = context.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<RoutePolicy>() is { } policy)
        {
            Caller caller = await AdmitAsync(context, policy);
            context.Features.Set(caller);
            await WhileGoodAsync(context, caller);
            return;
        }

        if (endpoint is not null && endpoint.Metadata.GetMetadata<HasOwnDoor>() is null && !IsRefusal(endpoint))
        {
            throw AccessErrors.NoPolicy(endpoint.DisplayName ?? "The route");
        }

        await next(context);
    }

    /// <summary>Who makes a request that passed.</summary>
    public static Caller CallerOf(HttpContext context) => context.Features.Get<Caller>() ?? throw new InvalidOperationException("The request did not come through the door.");

    /// <summary>A request ends when its key does: before its answer has begun with an error, else by being broken off.</summary>
    private async Task WhileGoodAsync(HttpContext context, Caller caller)
    {
        if (caller.Key is not { } key)
        {
            await next(context);
            return;
        }

        CancellationToken aborted = context.RequestAborted;
        try
        {
            await gate.Keys!.WhileGoodAsync(
                key,
                end =>
                {
                    context.RequestAborted = end;
                    return next(context);
                },
                aborted);
        }
        finally
        {
            context.RequestAborted = aborted;
        }
    }

    /// <summary>What routing itself answers with, as for a method that no route takes.</summary>
    private static bool IsRefusal(Endpoint endpoint) => endpoint is not RouteEndpoint;

    private async ValueTask<Caller> AdmitAsync(HttpContext context, RoutePolicy policy)
    {
        if (policy.Rights == AccessRights.None)
        {
            return Caller.Anybody;
        }

        try
        {
            return await RequestKeys.CallerOfAsync(gate, context.Request, policy.Rights, context.RequestAborted);
        }
        catch (BigFsException refused) when (refused.Code is BigFsErrorCode.Unauthenticated or BigFsErrorCode.NotAllowed)
        {
            if (gate.MayLogRefusal())
            {
                LogRefused(policy.Method, policy.Route, context.Connection.RemoteIpAddress?.ToString() ?? "", refused.Message);
            }

            throw;
        }
    }

    [LoggerMessage(EventId = 1402, EventName = "RequestNotAdmitted", Level = LogLevel.Warning,
        Message = "{Method} {Route} of {Peer} is refused: {Reason}")]
    private partial void LogRefused(string method, string route, string peer, string reason);
}

/// <summary>Metadata of endpoints that check by themselves who calls.</summary>
internal sealed record HasOwnDoor;
