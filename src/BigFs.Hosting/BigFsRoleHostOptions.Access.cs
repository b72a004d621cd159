using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;

namespace BigFs.Hosting;

/// <summary>The settings of who may reach the roles, and how.</summary>
public sealed partial class BigFsRoleHostOptions
{
    /// <summary>
    /// Whether clients need access keys, and roles prove themselves to each other by the cluster's secret; default no. All roles of
    /// a cluster are set alike. Needs <see cref="ClusterSecretFile"/> or <see cref="ClusterSecret"/> for every role. Only with it
    /// roles listen beyond loopback. A metadata server that has no key yet makes an administrator's, in the file "admin-key" of
    /// its folder.
    /// </summary>
    public bool RequireKeys { get; set; }

    /// <summary>
    /// "host:port" of the control services as others are told it, port 0 for the one listened on; null (default): what is listened
    /// on. Needed where <see cref="Listen"/> stands for all addresses of the machine.
    /// </summary>
    public string? Advertise { get; set; }

    /// <summary>The same of a datanode's <see cref="TransferListen"/>.</summary>
    public string? TransferAdvertise { get; set; }

    /// <summary>
    /// The certificate of the control port, PEM, intermediate ones behind it; roles show it to each other, too. Null (default):
    /// the control plane is not encrypted. Needs <see cref="ControlKeyFile"/> and <see cref="ControlAuthorityFile"/>; all roles of
    /// a cluster are set alike.
    /// </summary>
    public string? ControlCertificateFile { get; set; }

    /// <summary>The private key of <see cref="ControlCertificateFile"/>, PEM.</summary>
    public string? ControlKeyFile { get; set; }

    /// <summary>The authorities that sign the roles' certificates, PEM: none but these are trusted.</summary>
    public string? ControlAuthorityFile { get; set; }

    /// <summary>
    /// Whether calls for roles alone are taken only from who shows a certificate of <see cref="ControlAuthorityFile"/>, beside the
    /// proof of the cluster's secret; default no. Clients need none.
    /// </summary>
    public bool ControlRoleCertificates { get; set; }

    /// <summary>What callers may take of the control port.</summary>
    public BigFsControlLimits ControlLimits { get; set; } = new();

    private void ValidateAccess(IReadOnlyList<ServiceRole> roles)
    {
        SettingsCheck.Require(
            !RequireKeys || roles.Contains(ServiceRole.NodeManager) || ClusterSecret is not null || ClusterSecretFile is not null,
            nameof(ClusterSecretFile),
            null,
            "the file of the cluster's secret where keys are required (the node manager makes it)");
        SettingsCheck.Require(
            !RequireKeys || !roles.Contains(ServiceRole.MetadataServer) || !string.IsNullOrWhiteSpace(DataDirectory),
            nameof(DataDirectory),
            DataDirectory,
            "a folder for the first access key, wherever names are kept");
        SettingsCheck.Require(
            ControlCertificateFile is null == ControlKeyFile is null && ControlCertificateFile is null == ControlAuthorityFile is null,
            nameof(ControlCertificateFile),
            ControlCertificateFile,
            "set together with ControlKeyFile and ControlAuthorityFile");
        SettingsCheck.Require(
            !ControlRoleCertificates || (ControlCertificateFile is not null && RequireKeys),
            nameof(ControlRoleCertificates),
            ControlRoleCertificates,
            "set only together with ControlCertificateFile and RequireKeys");
        CheckAdvertised(Advertise, nameof(Advertise));
        CheckAdvertised(TransferAdvertise, nameof(TransferAdvertise));
        if (roles.Contains(ServiceRole.DataNode))
        {
            _ = ListenAddress.Parse(TransferListen, RequireKeys, TransferAdvertise);
        }

        ControlLimits.Validate();
    }

    private static void CheckAdvertised(string? endpoint, string setting) => SettingsCheck.Require(
        endpoint is null || EndpointRules.TrySplit(endpoint, out _, out _), setting, endpoint, "\"host:port\"");
}
