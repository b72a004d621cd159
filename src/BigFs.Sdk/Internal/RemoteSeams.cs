using BigFs.Core.Control;
using BigFs.Core.Transfer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>The one place where a client's seams are made of connections: gRPC for control, TCP for data.</summary>
internal static class RemoteSeams
{
    /// <summary>Makes both; nothing is connected before the first call.</summary>
    public static (IFileServer FileServer, IChunkTransport Transport) Create(ClientSettings settings, ILoggerFactory loggers)
    {
        var timeouts = new ControlTimeouts { Connect = settings.ConnectTimeout, Operation = settings.OperationTimeout };
        var transfer = new TransferClientOptions
        {
            ConnectTimeout = settings.ConnectTimeout,
            Tls = settings.TransferTls,

            // One silent replica must leave time for the others within the transfer's own stall time-out.
            StallTimeout = settings.StallTimeout / 3,
        };
        return (
            new GrpcFileServer(
                BigFsEndpoint.NameServers(settings.Endpoint!)!,
                timeouts,
                TimeProvider.System,
                ChannelSecurity.Of(settings.ApiKey, settings.ControlTls)),
            new TcpChunkTransport(transfer, TimeProvider.System, loggers.CreateLogger<TcpChunkTransport>()));
    }
}
