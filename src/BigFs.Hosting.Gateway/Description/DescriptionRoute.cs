using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BigFs.Hosting.Gateway.Description;

/// <summary><c>GET /v1/openapi.json</c>: the routes as an OpenAPI document. It is written by hand; tests hold that it tells of all routes.</summary>
internal static class DescriptionRoute
{
    private static readonly byte[] Document = Read();

    public static void Map(IEndpointRouteBuilder routes) => routes.MapPolicy(RoutePolicies.Description, static async context =>
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Document.Length;
        await context.Response.Body.WriteAsync(Document, context.RequestAborted);
    });

    private static byte[] Read()
    {
        using Stream stream = typeof(DescriptionRoute).Assembly.GetManifestResourceStream("openapi.json")!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
