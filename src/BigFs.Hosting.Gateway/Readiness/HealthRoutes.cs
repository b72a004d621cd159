using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BigFs.Hosting.Gateway.Readiness;

/// <summary>Whether the gateway lives, and whether it can do its work; for balancers and supervisors, without a key.</summary>
internal static class HealthRoutes
{
    public static void Map(IEndpointRouteBuilder routes, GatewayParts parts)
    {
        routes.MapPolicy(RoutePolicies.Live, static context => context.Response.WriteAsync("live\n", context.RequestAborted));
        routes.MapPolicy(RoutePolicies.Ready, context => AnswerReadyAsync(context, parts));
    }

    private static async Task AnswerReadyAsync(HttpContext context, GatewayParts parts)
    {
        if (parts.Stopping.IsCancellationRequested)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The gateway is stopping.");
        }

        await parts.FileServers.CheckAsync(context.RequestAborted);
        await context.Response.WriteAsync("ready\n", context.RequestAborted);
    }
}
