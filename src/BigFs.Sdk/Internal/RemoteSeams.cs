using BigFs.Core.Transfer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>The one place where a client's seams are made of connections: gRPC for control, TCP for data, or gRPC through a gateway for both.</summary>
internal static class RemoteSeams
{
    /// <summary>Makes both; nothing is connected before the first call.</summary>
    public static ClientSeams Create(ClientSettings settings, ILoggerFactory loggers)
    {
        var timeouts = new ControlTimeouts { Connect = settings.ConnectTimeout, Operation = settings.OperationTimeout };
        if (settings.IsGateway)
        {
            return ThroughGateway(settings, timeouts, TimeProvider.System);
        }

        var transfer = new TransferClientOptions
        {
            ConnectTimeout = settings.ConnectTimeout,
            Tls = settings.TransferTls,

            // One silent replica must leave time for the others within the transfer's own stall time-out.
            StallTimeout = settings.StallTimeout / 3,
        };
        return new ClientSeams
        {
            FileServer = new GrpcFileServer(
                BigFsEndpoint.Servers(settings.Endpoint!)!,
                timeouts,
                TimeProvider.System,
                ChannelSecurity.Of(settings.ApiKey, settings.ControlTls)),
            Transport = new TcpChunkTransport(transfer, TimeProvider.System, loggers.CreateLogger<TcpChunkTransport>()),
        };
    }

    /// <summary>The gateways speak for the file servers.</summary>
    private static ClientSeams ThroughGateway(ClientSettings settings, ControlTimeouts timeouts, TimeProvider clock)
    {
        var gateways = new FixedInstances([.. NameServerList.Split(BigFsEndpoint.Servers(settings.Endpoint!)!)]);
        ChannelSecurity security = ChannelSecurity.OfGateway(settings);
        return new ClientSeams
        {
            FileServer = new GrpcFileServer(gateways, timeouts, clock, security, GrpcGatewayContent.Role),
            Gateway = new GrpcGatewayContent(gateways, security, settings, clock),
        };
    }
}
