using BigFs.Core.Transfer;
using BigFs.Hosting.Access;

namespace BigFs.Hosting.Grpc;

/// <summary>How a listener of the control plane is protected.</summary>
internal sealed record ControlListenerOptions
{
    /// <summary>Whether it may listen on other addresses than loopback; default no.</summary>
    public bool BeyondLoopback { get; init; }

    /// <summary>"host:port" that others are told, port 0 for the one that is listened on; null (default): the address listened on.</summary>
    public string? Advertise { get; init; }

    /// <summary>Encryption; null (default): none.</summary>
    public TransferServerTls? Tls { get; init; }

    /// <summary>Decides who may call what, asked when the listener starts; default: everybody everything.</summary>
    public Func<AccessGate> Gate { get; init; } = () => AccessGate.Open;

    /// <summary>Bounds on what strangers may take.</summary>
    public BigFsControlLimits Limits { get; init; } = new();
}
