namespace BigFs.Hosting.Gateway;

/// <summary>Makes the gateway for Hosting.</summary>
internal sealed class GatewayEngine : BigFsGatewayEngine
{
    internal override async Task<IGateway> StartAsync(GatewayContext context, CancellationToken cancellationToken) =>
        await GatewayServer.StartAsync(context, cancellationToken).ConfigureAwait(false);
}
