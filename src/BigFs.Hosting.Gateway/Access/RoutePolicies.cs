using static BigFs.Core.Security.AccessRights;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>
/// The one table of who may use which route of HTTP; <c>docs/security.md</c> has the same. An endpoint without a policy of it is
/// refused to everybody. What is gRPC has policies of its own (RpcPolicies).
/// </summary>
internal static class RoutePolicies
{
    public static readonly RoutePolicy Live = new("GET", "/health/live", None);
    public static readonly RoutePolicy Ready = new("GET", "/health/ready", None);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RoutePolicy> All { get; } = [Live, Ready];
}
