using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>How a datanode serves its chunks over TCP.</summary>
public sealed record TransferServerOptions
{
    /// <summary>
    /// Where to listen, "host:port" with a number as the host; port 0 takes any free one. Default "127.0.0.1:0".
    /// </summary>
    public string Endpoint { get; init; } = "127.0.0.1:0";

    /// <summary>Whether it may listen beyond loopback: only where the control plane asks for keys; default no.</summary>
    public bool BeyondLoopback { get; init; }

    /// <summary>"host:port" that others are told, port 0 for the one that is listened on; null (default): the address listened on.</summary>
    public string? Advertise { get; init; }

    /// <summary>
    /// Most connections open at once, 1 to 65,536; default 1,024. Further ones are told that the node is busy.
    /// </summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Longest wait for a new connection's hello; default 10 s.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest time in which nothing moves within a request; default 30 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may rest between two requests; default 5 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How often a writer who has to wait is told that the node makes headway; default 2 s. Must be well below the stall
    /// time-outs of those who write here.
    /// </summary>
    public TimeSpan WaitingInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a stopping server lets the work in hand go on before it cuts it off; default 10 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Encryption of the port; null (default): none. A port speaks either TLS or plaintext, never both.</summary>
    public TransferServerTls? Tls { get; init; }

    /// <summary>How chunks are passed on to the next member of a pipeline.</summary>
    public TransferClientOptions Relay { get; init; } = new();

    internal void Validate()
    {
        SettingsCheck.Between(MaxConnections, 1, 65_536, nameof(MaxConnections));
        SettingsCheck.Positive(HelloTimeout, nameof(HelloTimeout));
        SettingsCheck.Positive(StallTimeout, nameof(StallTimeout));
        SettingsCheck.Positive(IdleTimeout, nameof(IdleTimeout));
        SettingsCheck.Positive(WaitingInterval, nameof(WaitingInterval));
        SettingsCheck.Positive(StopTimeout, nameof(StopTimeout));
        Relay.Validate();
    }
}
