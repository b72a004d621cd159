using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Hosting.Access;
using BigFs.Hosting.Grpc;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>A gateway without a process of its own: what stands behind it, and who may pass, is the test's.</summary>
internal static class LoneGateway
{
    /// <summary>Starts one.</summary>
    /// <param name="names">Where it finds file servers.</param>
    /// <param name="bus">What it hears of them; null: nothing.</param>
    /// <param name="grace">How long a stop waits for what is in hand; null: a second.</param>
    /// <param name="gate">Who may pass; null: everybody.</param>
    public static Task<GatewayServer> StartAsync(
        INameServer names, IClusterBus? bus = null, TimeSpan? grace = null, AccessGate? gate = null) => GatewayServer.StartAsync(
        new GatewayContext
        {
            Options = new BigFsGatewayOptions(),
            Grace = grace ?? TimeSpan.FromSeconds(1),
            Gate = gate ?? AccessGate.Open,
            Names = names,
            Bus = bus ?? new InProcessClusterBus(NullLogger.Instance),
            Services = RoleServices.For(null),
        },
        default);

    /// <summary>Serves a made-up file server and registers it.</summary>
    public static async Task<ControlListener> ServeAsync(INameServer names, string id, Protocol.FileServer.FileServerBase server)
    {
        var listener = new ControlListener("127.0.0.1:0", NullLoggerFactory.Instance);
        listener.Map(Protocol.FileServer.BindService(server));
        await listener.StartAsync(default);
        await names.RegisterAsync(RoleNames.Instance(ServiceRole.FileServer, id, listener.Endpoint), default);
        return listener;
    }
}
