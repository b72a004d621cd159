using System.CommandLine;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary>The options of <c>bigfs run</c> that say who may reach the roles, and how.</summary>
internal sealed class AccessOptions
{
    private readonly Option<bool> _requireKeys = new("--require-keys")
    {
        Description = "Clients need access keys, roles the cluster's secret; without it only loopback is listened on.",
    };

    private readonly Option<string> _advertise = Endpoint("--advertise", "Where others reach control, when that is not where it listens.");

    private readonly Option<string> _transferAdvertise =
        Endpoint("--transfer-advertise", "Where others reach a datanode's chunks, when that is not where it listens.");

    private readonly Option<string> _certificate = PemFile("--control-certificate", "The certificate of the control port, which is encrypted then.");

    private readonly Option<string> _key = PemFile("--control-key", "The private key of the certificate.");

    private readonly Option<string> _authority = PemFile("--control-authority", "The authorities that sign the roles' certificates.");

    private readonly Option<bool> _roleCertificates = new("--control-role-certificates")
    {
        Description = "Take calls of roles only from who shows a certificate of the authorities.",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[
            _requireKeys, _advertise, _transferAdvertise, _certificate, _key, _authority, _roleCertificates])
        {
            command.Add(option);
        }
    }

    public void Apply(ParseResult parsed, BigFsRoleHostOptions options)
    {
        options.RequireKeys = parsed.GetValue(_requireKeys);
        options.Advertise = parsed.GetValue(_advertise);
        options.TransferAdvertise = parsed.GetValue(_transferAdvertise);
        options.ControlCertificateFile = FullPath(parsed.GetValue(_certificate));
        options.ControlKeyFile = FullPath(parsed.GetValue(_key));
        options.ControlAuthorityFile = FullPath(parsed.GetValue(_authority));
        options.ControlRoleCertificates = parsed.GetValue(_roleCertificates);
    }

    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

    private static Option<string> Endpoint(string name, string description) =>
        new(name) { Description = description, HelpName = "HOST:PORT" };

    private static Option<string> PemFile(string name, string description) =>
        new(name) { Description = description, HelpName = "FILE" };
}
