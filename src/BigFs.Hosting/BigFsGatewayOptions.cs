using BigFs.Core.Model;
using BigFs.Hosting.Grpc;

namespace BigFs.Hosting;

/// <summary>Settings of a gateway; validated when it starts.</summary>
public sealed class BigFsGatewayOptions
{
    /// <summary>
    /// Where applications find it, "host:port" with a number as the host, port 0 for any; default 127.0.0.1:0. Beyond loopback only
    /// where keys are required.
    /// </summary>
    public string Listen { get; set; } = "127.0.0.1:0";

    /// <summary>
    /// "host:port" as others are told it, port 0 for the one listened on; null (default): what is listened on. Needed where
    /// <see cref="Listen"/> stands for all addresses of the machine.
    /// </summary>
    public string? Advertise { get; set; }

    /// <summary>
    /// The certificate that it shows to applications, PEM, intermediate ones behind it; null (default): its port is not
    /// encrypted. Needs <see cref="KeyFile"/>.
    /// </summary>
    public string? CertificateFile { get; set; }

    /// <summary>The private key of <see cref="CertificateFile"/>, PEM.</summary>
    public string? KeyFile { get; set; }

    /// <summary>What applications may take of it.</summary>
    public BigFsGatewayLimits Limits { get; set; } = new();

    /// <exception cref="BigFsException">InvalidSettings, naming the setting and what would be right.</exception>
    internal void Validate(bool beyondLoopback)
    {
        SettingsCheck.Require(
            Advertise is null || EndpointRules.TrySplit(Advertise, out _, out _), Name(nameof(Advertise)), Advertise, "\"host:port\"");
        SettingsCheck.Require(
            CertificateFile is null == KeyFile is null, Name(nameof(CertificateFile)), CertificateFile, "set together with GatewayKeyFile");
        _ = ListenAddress.Parse(Listen, beyondLoopback, Advertise);
        Limits.Validate();
    }

    /// <summary>The setting as configurations write it.</summary>
    internal static string Name(string property) => "Gateway" + property;
}
