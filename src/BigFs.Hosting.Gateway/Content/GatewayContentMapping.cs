using Grpc.Core;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>The services by which contents travel over gRPC; the gateway maps them all, behind its door.</summary>
internal static class GatewayContentMapping
{
    /// <summary>The services of a gateway.</summary>
    public static IEnumerable<ServerServiceDefinition> MapGatewayContent(GatewayParts parts) => [new ContentService(parts).Bind()];
}
