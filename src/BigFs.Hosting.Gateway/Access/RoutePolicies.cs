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

    public static readonly RoutePolicy GetFile = new("GET", "/v1/files/{path}", Read);
    public static readonly RoutePolicy HeadFile = new("HEAD", "/v1/files/{path}", Read);
    public static readonly RoutePolicy PutFile = new("PUT", "/v1/files/{path}", Write);
    public static readonly RoutePolicy DeleteFile = new("DELETE", "/v1/files/{path}", Write);
    public static readonly RoutePolicy List = new("GET", "/v1/list/{path}", Read);
    public static readonly RoutePolicy Description = new("GET", "/v1/openapi.json", All);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RoutePolicy> Table { get; } =
        [Live, Ready, GetFile, HeadFile, PutFile, DeleteFile, List, Description];
}
