using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Transfer;
using BigFs.Hosting.Access;

namespace BigFs.Hosting;

/// <summary>
/// The gateway from a package of its own, so that who embeds BigFS restores no proxy that is not used: BigFs.Hosting.Gateway
/// has it.
/// </summary>
public abstract class BigFsGatewayEngine
{
    /// <summary>Engines are BigFS's own.</summary>
    internal BigFsGatewayEngine()
    {
    }

    /// <summary>Starts a gateway; waits for no other role.</summary>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse.</exception>
    internal abstract Task<IGateway> StartAsync(GatewayContext context, CancellationToken cancellationToken);
}

/// <summary>A gateway that runs; disposing it lets what is under way end within its time, and closes every connection.</summary>
internal interface IGateway : IAsyncDisposable
{
    /// <summary>Where applications find it, "host:port".</summary>
    string Endpoint { get; }

    /// <summary>Returns when it can do its work now.</summary>
    /// <exception cref="BigFsException">Unavailable, with what is missing.</exception>
    Task CheckAsync(CancellationToken cancellationToken);
}

/// <summary>What a gateway is given by the process that it runs in.</summary>
internal sealed record GatewayContext
{
    /// <summary>Its settings.</summary>
    public required BigFsGatewayOptions Options { get; init; }

    /// <summary>How long what is under way may take to end when it stops.</summary>
    public required TimeSpan Grace { get; init; }

    /// <summary>Whether it may listen on other addresses than loopback.</summary>
    public bool BeyondLoopback { get; init; }

    /// <summary>Decides who may do what.</summary>
    public AccessGate Gate { get; init; } = AccessGate.Open;

    /// <summary>Where the file servers are.</summary>
    public required INameServer Names { get; init; }

    /// <summary>How the file servers tell that they live.</summary>
    public required IClusterBus Bus { get; init; }

    /// <summary>Encryption towards file servers; null (default): none.</summary>
    public TransferClientTls? ControlTls { get; init; }

    /// <summary>Encryption towards datanodes; null (default): none.</summary>
    public TransferClientTls? TransferTls { get; init; }

    /// <summary>Clock and log.</summary>
    public required RoleServices Services { get; init; }
}
