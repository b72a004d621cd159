using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting;

/// <summary>Settings of a process that runs one or several roles of a cluster; validated when it starts.</summary>
public sealed partial class BigFsRoleHostOptions
{
    /// <summary>Default of <see cref="MetadataCacheBytes"/>.</summary>
    internal const long DefaultMetadataCacheBytes = 32L << 20;

    /// <summary>
    /// Which roles, each at most once and at least one: names of <see cref="BigFsRoleNames"/>.
    /// </summary>
    public IList<string> Roles { get; set; } = [];

    /// <summary>
    /// Where the roles keep their data; needed for metadata-server (on SQLite, or for the first key with
    /// <see cref="RequireKeys"/>), node-manager and datanode. One role uses the folder
    /// itself, several a folder each below it, named as the role.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>Where the metadata server keeps names; null (default): SQLite in <see cref="DataDirectory"/>.</summary>
    public BigFsMetadataEngine? Metadata { get; set; }

    /// <summary>
    /// Where the control services listen, "host:port" with a number as the host, port 0 for any; default 127.0.0.1:0. Beyond
    /// loopback only with <see cref="RequireKeys"/>.
    /// </summary>
    public string Listen { get; set; } = "127.0.0.1:0";

    /// <summary>Where a datanode's transfer protocol listens, as <see cref="Listen"/>; default 127.0.0.1:0.</summary>
    public string TransferListen { get; set; } = "127.0.0.1:0";

    /// <summary>
    /// A datanode's certificate for its transfer port, PEM, intermediate ones behind it; null (default): the transfer plane is
    /// not encrypted. Needs <see cref="TransferKeyFile"/> and <see cref="TransferAuthorityFile"/>; all datanodes of a cluster
    /// are set alike.
    /// </summary>
    public string? TransferCertificateFile { get; set; }

    /// <summary>The private key of <see cref="TransferCertificateFile"/>, PEM.</summary>
    public string? TransferKeyFile { get; set; }

    /// <summary>The authorities that sign datanodes' certificates, PEM: none but these are trusted by the others.</summary>
    public string? TransferAuthorityFile { get; set; }

    /// <summary>
    /// Whether whoever connects to a datanode has to show a certificate of <see cref="TransferAuthorityFile"/>, too; default no.
    /// </summary>
    public bool TransferClientCertificates { get; set; }

    /// <summary>
    /// The cluster's name servers, "host:port", several apart by commas: the roles register with all of them and ask any.
    /// Needed unless name-server is among the roles; a name server may stand in its own list.
    /// </summary>
    public string? NameServer { get; set; }

    /// <summary>
    /// The file of the cluster's secret, readable by its owner alone; needed for file-server and datanode unless
    /// <see cref="ClusterSecret"/> is set or node-manager is among the roles. The node manager makes one in its folder
    /// ("cluster-secret") at its first start when neither is set.
    /// </summary>
    public string? ClusterSecretFile { get; set; }

    /// <summary>
    /// The cluster's secret itself, "number:64 hexadecimal digits", one or two of them apart by a comma; the first signs.
    /// Excludes <see cref="ClusterSecretFile"/>.
    /// </summary>
    public string? ClusterSecret { get; set; }

    /// <summary>Replicas of a file that asks for no number of its own, 1 to 8; default 2.</summary>
    public int Replicas { get; set; } = 2;

    /// <summary>Bytes that a datanode may hold prepared ahead of need, 0 to 1 TiB; default 256 MiB.</summary>
    public long PreparedBytesPerNode { get; set; } = 256L << 20;

    /// <summary>Bytes of its chunks that a datanode rereads and verifies a second, 0 (never) to 1 TiB; default 16 MiB.</summary>
    public long ScrubBytesPerSecond { get; set; } = 16L << 20;

    /// <summary>
    /// Memory that a file server uses at most, about, for entries and manifests that it has read, 0 (none) to 16 GiB; default
    /// 32 MiB.
    /// </summary>
    public long MetadataCacheBytes { get; set; } = DefaultMetadataCacheBytes;

    /// <summary>Pause before each time that a datanode rereads all its chunks, longer than zero; default 6 hours.</summary>
    public TimeSpan ScrubInterval { get; set; } = TimeSpan.FromHours(6);

    /// <summary>How long work in hand may take to end when the roles stop, more than 0, up to 10 minutes; default 20 s. Then it is cut off.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How events travel: "relay" (default) through the name server, or "kafka", which needs <see cref="BusEngine"/> and
    /// <see cref="Kafka"/>. All processes of a cluster are set alike.
    /// </summary>
    public string Bus { get; set; } = BigFsBusKinds.Relay;

    /// <summary>The engine for <see cref="Bus"/> "kafka", from the package BigFs.Hosting.Kafka (<c>UseKafka</c>); null: none.</summary>
    public BigFsBusEngine? BusEngine { get; set; }

    /// <summary>The Kafka cluster, with <see cref="Bus"/> "kafka".</summary>
    public BigFsKafkaOptions Kafka { get; } = new();

    /// <summary>The engine for the role "gateway", from the package BigFs.Hosting.Gateway (<c>UseGateway</c>); null: none.</summary>
    public BigFsGatewayEngine? GatewayEngine { get; set; }

    /// <summary>The gateway's settings, where that is one of the roles.</summary>
    public BigFsGatewayOptions Gateway { get; } = new();

    /// <summary>Where log events go; null (default): nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting and what would be right.</exception>
    public void Validate() => Check();

    /// <summary>Checks every setting and returns the roles in the order in which they start.</summary>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting and what would be right.</exception>
    internal IReadOnlyList<ServiceRole> Check()
    {
        ServiceRole[] roles = [.. Roles.Select(RoleNames.Parse).Order()];
        SettingsCheck.Require(roles.Length > 0, nameof(Roles), "empty", "at least one role");
        SettingsCheck.Require(
            roles.Distinct().Count() == roles.Length, nameof(Roles), string.Join(", ", Roles), "each role at most once");
        bool keeps = roles.Any(role => role is ServiceRole.NodeManager or ServiceRole.DataNode
            || (role == ServiceRole.MetadataServer && (Metadata is null || RequireKeys)));
        Metadata?.Validate();
        SettingsCheck.Require(
            !keeps || !string.IsNullOrWhiteSpace(DataDirectory), nameof(DataDirectory), DataDirectory, "a folder for these roles");
        SettingsCheck.Require(IsEndpoint(Listen), nameof(Listen), Listen, "\"host:port\"");
        SettingsCheck.Require(IsEndpoint(TransferListen), nameof(TransferListen), TransferListen, "\"host:port\"");
        bool names = roles.Contains(ServiceRole.NameServer);
        SettingsCheck.Require(
            names || NameServer is not null, nameof(NameServer), NameServer, "\"host:port\" unless name-server runs here too");
        SettingsCheck.Require(
            NameServer is null || (NameServerList.Split(NameServer) is { Length: <= NameServerList.Most } list && list.All(IsEndpoint)),
            nameof(NameServer),
            NameServer,
            $"\"host:port\", up to {NameServerList.Most} of them apart by commas");
        SettingsCheck.Between(Replicas, 1, Limits.MaxReplicas, nameof(Replicas));
        SettingsCheck.Require(
            PreparedBytesPerNode is >= 0 and <= 1L << 40, nameof(PreparedBytesPerNode), PreparedBytesPerNode, "0 to 1 TiB");
        SettingsCheck.Require(
            MetadataCacheBytes is >= 0 and <= 16L << 30, nameof(MetadataCacheBytes), MetadataCacheBytes, "0 to 16 GiB");
        SettingsCheck.Require(
            TransferCertificateFile is null == TransferKeyFile is null && TransferCertificateFile is null == TransferAuthorityFile is null,
            nameof(TransferCertificateFile),
            TransferCertificateFile,
            "set together with TransferKeyFile and TransferAuthorityFile");
        SettingsCheck.Require(
            !TransferClientCertificates || TransferCertificateFile is not null,
            nameof(TransferClientCertificates),
            TransferClientCertificates,
            "set only together with TransferCertificateFile");
        SettingsCheck.Require(
            ScrubBytesPerSecond is >= 0 and <= 1L << 40, nameof(ScrubBytesPerSecond), ScrubBytesPerSecond, "0 to 1 TiB");
        SettingsCheck.Require(
            StopTimeout > TimeSpan.Zero && StopTimeout <= TimeSpan.FromMinutes(10), nameof(StopTimeout), StopTimeout, "more than 0, up to 10 minutes");
        SettingsCheck.Require(ScrubInterval > TimeSpan.Zero, nameof(ScrubInterval), ScrubInterval, "longer than zero");
        SettingsCheck.Require(
            ClusterSecret is null || ClusterSecretFile is null, nameof(ClusterSecret), "set beside ClusterSecretFile", "only one of them");
        bool asks = roles.Any(role => role is ServiceRole.FileServer or ServiceRole.DataNode);
        SettingsCheck.Require(
            !asks || roles.Contains(ServiceRole.NodeManager) || ClusterSecret is not null || ClusterSecretFile is not null,
            nameof(ClusterSecretFile),
            null,
            "the file of the cluster's secret for these roles (the node manager makes it)");
        ValidateAccess(roles);
        if (roles.Contains(ServiceRole.Gateway))
        {
            SettingsCheck.Require(
                GatewayEngine is not null, nameof(GatewayEngine), null, "that of the package BigFs.Hosting.Gateway for the role \"gateway\"");
            Gateway.Validate(RequireKeys);
        }

        BigFsBusEngine.Check(Bus, BusEngine, Kafka);
        return roles;
    }

    private static bool IsEndpoint(string? text)
    {
        int colon = text?.LastIndexOf(':') ?? -1;
        return colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), out _);
    }
}
