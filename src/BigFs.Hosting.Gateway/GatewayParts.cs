using BigFs.Hosting.Access;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Files;
using BigFs.Hosting.Gateway.Proxy;
using BigFs.Internal;

namespace BigFs.Hosting.Gateway;

/// <summary>What the routes and services of a gateway share.</summary>
internal sealed record GatewayParts
{
    /// <summary>Decides who may do what.</summary>
    public required AccessGate Gate { get; init; }

    /// <summary>Act for callers.</summary>
    public required CallerClients Clients { get; init; }

    /// <summary>Where the file servers are.</summary>
    public required FileServerDestinations FileServers { get; init; }

    /// <summary>The contents under way, of HTTP and of gRPC.</summary>
    public required BodyLoad Load { get; init; }

    /// <summary>The pieces of downloads by gRPC: kept between them, within a bound.</summary>
    public required LargeBuffers Buffers { get; init; }

    /// <summary>What applications may take.</summary>
    public required BigFsGatewayLimits Limits { get; init; }

    /// <summary>Clock and log.</summary>
    public required RoleServices Services { get; init; }

    /// <summary>Ends when the gateway begins to stop: streams without an end of their own end then.</summary>
    public required CancellationToken Stopping { get; init; }
}
