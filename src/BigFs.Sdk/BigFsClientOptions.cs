using Microsoft.Extensions.Logging;

namespace BigFs;

/// <summary>Settings of a client; validated when the client is made.</summary>
public sealed class BigFsClientOptions
{
    /// <summary>
    /// Where the cluster is: "bigfs://host:port" of its name server, with control and data direct, or "http://host:port" or
    /// "https://host:port" of a gateway, with everything through it. For several of them see <see cref="BigFsEndpoint"/>.
    /// Default: <c>bigfs dev</c>'s on this machine, bigfs://127.0.0.1:7400.
    /// </summary>
    public Uri Endpoint { get; set; } = new("bigfs://127.0.0.1:7400");

    /// <summary>How long to try to reach an endpoint before it counts as unreachable; default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one control operation may take, with its retries; default 30 s.</summary>
    public TimeSpan OperationTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a transfer may stand still before it fails; totals have no limit. Default 30 s.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The key that the cluster asks for, "bigfs_...", as <c>bigfs admin key create</c> showed it; null (default): none. It goes
    /// with every call of the control plane and is shown nowhere: not in logs, errors or this object's text.
    /// </summary>
    public string? ApiKey { get; set; }

    /// <summary>
    /// The authorities that sign the certificates of the control plane, a PEM file; none but these are trusted. Null (default):
    /// the control plane is not encrypted. With it, a server that is not encrypted is not talked to. Of a gateway at
    /// "https://..." they sign the certificate, or null: whom this machine trusts; not with "http://...".
    /// </summary>
    public string? ControlAuthorityFile { get; set; }

    /// <summary>A certificate to show where the control plane asks for one, a PEM file; null (default): none.</summary>
    public string? ControlCertificateFile { get; set; }

    /// <summary>The private key of <see cref="ControlCertificateFile"/>, a PEM file.</summary>
    public string? ControlKeyFile { get; set; }

    /// <summary>
    /// The authorities that sign the datanodes' certificates, a PEM file; none but these are trusted. Null (default): the
    /// transfer plane is not encrypted. With it, a datanode that is not encrypted is not talked to. Not used with a gateway.
    /// </summary>
    public string? TransferAuthorityFile { get; set; }

    /// <summary>A certificate to show where datanodes ask for one, a PEM file; null (default): none.</summary>
    public string? TransferCertificateFile { get; set; }

    /// <summary>The private key of <see cref="TransferCertificateFile"/>, a PEM file.</summary>
    public string? TransferKeyFile { get; set; }

    /// <summary>Where log events go; null (default): nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }
}
