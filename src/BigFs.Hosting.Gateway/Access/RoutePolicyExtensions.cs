using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>The one way to map a route of HTTP: with its policy.</summary>
internal static class RoutePolicyExtensions
{
    /// <summary>Maps the route of a policy.</summary>
    public static void MapPolicy(this IEndpointRouteBuilder routes, RoutePolicy policy, RequestDelegate handler) =>
        routes.MapMethods(policy.Route.Replace("{path}", "{**path}", StringComparison.Ordinal), [policy.Method], handler)
            .WithMetadata(policy)
            .WithDisplayName($"{policy.Method} {policy.Route}");
}
