using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>Puts the proxy of control calls together.</summary>
internal static class ControlProxySetup
{
    /// <summary>Adds what it is made of.</summary>
    public static void AddControlProxy(this IServiceCollection services, GatewayContext context, ControlProxyConfig config)
    {
        services.AddSingleton<IProxyConfigProvider>(config);
        services.AddSingleton<IForwarderHttpClientFactory>(new ControlHttpClients(context.ControlTls));
        services.AddSingleton<IPassiveHealthCheckPolicy, UnreachableDestinations>();
        services.AddReverseProxy();
    }

    /// <summary>Maps its routes.</summary>
    public static void MapControlProxy(this IEndpointRouteBuilder routes, GatewayParts parts)
    {
        var door = new ControlProxyService(
            parts.Gate, parts.FileServers, parts.Services.Time, parts.Stopping, parts.Services.LoggerOf<ControlProxyService>());
        routes.MapReverseProxy(pipeline =>
        {
            pipeline.Use(door.InvokeAsync);
            pipeline.UseLoadBalancing();
            pipeline.UsePassiveHealthChecks();
        }).WithMetadata(new HasOwnDoor());
    }
}
