using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Routing;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>Files over plain HTTP.</summary>
internal static class FileRoutes
{
    /// <summary>What the paths of contents begin with.</summary>
    public const string Files = "/v1/files";

    /// <summary>What the paths of listings begin with.</summary>
    public const string List = "/v1/list";

    public static void Map(IEndpointRouteBuilder routes, GatewayParts parts)
    {
        BodyLoad load = parts.Load;
        var get = new GetFile(parts.Clients, load);
        routes.MapPolicy(RoutePolicies.GetFile, get.InvokeAsync);
        routes.MapPolicy(RoutePolicies.HeadFile, get.InvokeAsync);
        routes.MapPolicy(RoutePolicies.PutFile, new PutFile(parts.Clients, load).InvokeAsync);
        routes.MapPolicy(RoutePolicies.DeleteFile, new DeleteFile(parts.Clients).InvokeAsync);
        routes.MapPolicy(RoutePolicies.List, new ListDirectory(parts.Clients).InvokeAsync);
    }

    /// <summary>The address of a file, relative to the gateway's.</summary>
    public static string LocationOf(BigFsPath path) => Files + string.Concat(path.Segments.Select(name => "/" + Uri.EscapeDataString(name)));
}
