using System.Globalization;
using System.Text;

namespace BigFs.Cli.Settings;

/// <summary>One setting of <c>bigfs run</c>, the same by file, environment and argument.</summary>
/// <param name="Name">Its name in a file, as the options have it.</param>
/// <param name="Option">The argument, with its dashes; null: it has none.</param>
/// <param name="Value">What its value is called in help; empty for one that is on or off.</param>
/// <param name="Description">What it does, as help says it.</param>
/// <param name="Apply">Puts its text into the options.</param>
internal sealed record RunSetting(string Name, string? Option, string Value, string Description, Action<RunOptions, string> Apply)
{
    private const string Separator = ",";

    /// <summary>All settings, in the order in which help and docs tell them.</summary>
    public static IReadOnlyList<RunSetting> All { get; } =
    [
        new("Roles", null, "ROLES", "The roles, apart by commas.",
            (o, text) => o.Host.Roles = text.Split(Separator, StringSplitOptions.TrimEntries)),
        new("DataDirectory", "--data", "DIR", "The folder for the data.",
            (o, text) => o.Host.DataDirectory = Path.GetFullPath(text)),
        new("Listen", "--listen", "HOST:PORT", "Where control listens; default 127.0.0.1:0, any free port.",
            (o, text) => o.Host.Listen = text),
        new("TransferListen", "--transfer-listen", "HOST:PORT", "Where a datanode takes and gives chunks; default 127.0.0.1:0.",
            (o, text) => o.Host.TransferListen = text),
        new("NameServer", "--name-server", "HOST:PORT", "The name servers, several apart by commas; needed unless it is one of the roles.",
            (o, text) => o.Host.NameServer = text),
        new("ClusterSecretFile", "--cluster-secret", "FILE", "The file of the cluster's secret, which the node manager makes; needed for a file server and a datanode.",
            (o, text) => o.Host.ClusterSecretFile = Path.GetFullPath(text)),
        new("ClusterSecret", null, "SECRET", "The cluster's secret itself, for where there are no files.",
            (o, text) => o.Host.ClusterSecret = text),
        new("TransferCertificateFile", "--transfer-certificate", "FILE", "A datanode's certificate: its transfer port is encrypted.",
            (o, text) => o.Host.TransferCertificateFile = Path.GetFullPath(text)),
        new("TransferKeyFile", "--transfer-key", "FILE", "The private key of the certificate.",
            (o, text) => o.Host.TransferKeyFile = Path.GetFullPath(text)),
        new("TransferAuthorityFile", "--transfer-authority", "FILE", "The authorities that sign datanodes' certificates.",
            (o, text) => o.Host.TransferAuthorityFile = Path.GetFullPath(text)),
        new("TransferClientCertificates", "--transfer-client-certificates", "", "Take only connections that show a certificate of the authorities.",
            (o, text) => o.Host.TransferClientCertificates = Flag(text)),
        new("RequireKeys", "--require-keys", "", "Clients need access keys, roles the cluster's secret; without it only loopback is listened on.",
            (o, text) => o.Host.RequireKeys = Flag(text)),
        new("Advertise", "--advertise", "HOST:PORT", "Where others reach control, when that is not where it listens.",
            (o, text) => o.Host.Advertise = text),
        new("TransferAdvertise", "--transfer-advertise", "HOST:PORT", "Where others reach a datanode's chunks, when that is not where it listens.",
            (o, text) => o.Host.TransferAdvertise = text),
        new("ControlCertificateFile", "--control-certificate", "FILE", "The certificate of the control port, which is encrypted then.",
            (o, text) => o.Host.ControlCertificateFile = Path.GetFullPath(text)),
        new("ControlKeyFile", "--control-key", "FILE", "The private key of the certificate.",
            (o, text) => o.Host.ControlKeyFile = Path.GetFullPath(text)),
        new("ControlAuthorityFile", "--control-authority", "FILE", "The authorities that sign the roles' certificates.",
            (o, text) => o.Host.ControlAuthorityFile = Path.GetFullPath(text)),
        new("ControlRoleCertificates", "--control-role-certificates", "", "Take calls of roles only from who shows a certificate of the authorities.",
            (o, text) => o.Host.ControlRoleCertificates = Flag(text)),
        new("Replicas", "--replicas", "N", "Replicas where an upload does not say, 1 to 8; default 2.",
            (o, text) => o.Host.Replicas = (int)Number(text, int.MaxValue)),
        new("PreparedBytesPerNode", "--prepared", "BYTES", "Bytes that a datanode may prepare ahead of need; default 256 MiB.",
            (o, text) => o.Host.PreparedBytesPerNode = Number(text, long.MaxValue)),
        new("ScrubBytesPerSecond", "--scrub-rate", "BYTES", "Bytes that a datanode rereads and verifies a second, 0 for never; default 16 MiB.",
            (o, text) => o.Host.ScrubBytesPerSecond = Number(text, long.MaxValue)),
        new("ScrubInterval", "--scrub-interval", "TIME", "Pause before each time that a datanode rereads all, hh:mm:ss; default 06:00:00.",
            (o, text) => o.Host.ScrubInterval = Time(text)),
        new("Bus", "--bus", "BUS", "How events travel: relay (default, through the name servers) or kafka.",
            (o, text) => o.Host.Bus = text),
        new("KafkaServers", "--kafka", "HOST:PORT", "With kafka: brokers to begin with, apart by commas.",
            (o, text) => o.Host.Kafka.Servers = text),
        new("KafkaTopicPrefix", "--kafka-prefix", "PREFIX", "Stands before the names of the topics, so that several clusters share a Kafka.",
            (o, text) => o.Host.Kafka.TopicPrefix = text),
        new("KafkaReplicationFactor", null, "N", "Copies of topics that are made.",
            (o, text) => o.Host.Kafka.ReplicationFactor = (int)Number(text, short.MaxValue)),
        new("KafkaSecurityProtocol", null, "PROTOCOL", "plaintext, ssl, sasl_plaintext or sasl_ssl.",
            (o, text) => o.Host.Kafka.SecurityProtocol = text),
        new("KafkaSaslMechanism", null, "MECHANISM", "How users are proven.",
            (o, text) => o.Host.Kafka.SaslMechanism = text),
        new("KafkaSaslUsername", null, "NAME", "The user.",
            (o, text) => o.Host.Kafka.SaslUsername = text),
        new("KafkaSaslPassword", null, "PASSWORD", "The password itself, for where there are no files.",
            (o, text) => o.Host.Kafka.SaslPassword = text),
        new("KafkaSaslPasswordFile", null, "FILE", "The file of the password.",
            (o, text) => o.Host.Kafka.SaslPasswordFile = Path.GetFullPath(text)),
        new("KafkaAuthorityFile", null, "FILE", "The authorities that sign the brokers' certificates.",
            (o, text) => o.Host.Kafka.AuthorityFile = Path.GetFullPath(text)),
        new("KafkaCertificateFile", null, "FILE", "A certificate to show to brokers.",
            (o, text) => o.Host.Kafka.CertificateFile = Path.GetFullPath(text)),
        new("KafkaKeyFile", null, "FILE", "Its private key.",
            (o, text) => o.Host.Kafka.KeyFile = Path.GetFullPath(text)),
        new("GatewayListen", "--gateway-listen", "HOST:PORT", "Where a gateway takes HTTP and gRPC of applications; default 127.0.0.1:0.",
            (o, text) => o.Host.Gateway.Listen = text),
        new("GatewayAdvertise", "--gateway-advertise", "HOST:PORT", "Where others reach a gateway, when that is not where it listens.",
            (o, text) => o.Host.Gateway.Advertise = text),
        new("GatewayCertificateFile", "--gateway-certificate", "FILE", "The certificate of a gateway's port, which is encrypted then.",
            (o, text) => o.Host.Gateway.CertificateFile = Path.GetFullPath(text)),
        new("GatewayKeyFile", "--gateway-key", "FILE", "The private key of the certificate.",
            (o, text) => o.Host.Gateway.KeyFile = Path.GetFullPath(text)),
        new("GatewayConnections", null, "N", "Connections that a gateway takes at a time; default 8192.",
            (o, text) => o.Host.Gateway.Limits.Connections = (int)Number(text, int.MaxValue)),
        new("GatewayBodiesInFlight", null, "N", "Files on their way through a gateway at a time; default 1024.",
            (o, text) => o.Host.Gateway.Limits.BodiesInFlight = (int)Number(text, int.MaxValue)),
        new("GatewayBodyBytesInFlight", null, "BYTES", "Bytes of uploads that a gateway may hold at a time; default 1 GiB.",
            (o, text) => o.Host.Gateway.Limits.BodyBytesInFlight = Number(text, long.MaxValue)),
        new("StopTimeout", "--stop-timeout", "TIME", "How long work in hand may take to end at a stop, hh:mm:ss, up to 00:10:00; default 00:00:20.",
            (o, text) => o.Host.StopTimeout = Time(text)),
        new("HttpListen", "--http-listen", "HOST:PORT", "Where health and metrics are served over HTTP; default nowhere.",
            (o, text) => o.HttpListen = text),
        new("OtlpEndpoint", "--otlp", "URL", "Where traces and metrics are sent by OTLP, http://HOST:PORT; default nowhere.",
            (o, text) => o.OtlpEndpoint = text),
        new("LogFormat", "--log-format", "FORMAT", "Log events as text or json; default text.",
            (o, text) => o.LogFormat = text),
        new("TraceShare", "--trace-share", "SHARE", "Share of operations that are traced when nobody decided it before, 0 to 1; default 0.01.",
            (o, text) => o.TraceShare = Share(text)),
    ];

    /// <summary>Its environment variable: BIGFS_ and the name's words apart by underscores.</summary>
    public string Variable => RunConfiguration.VariablePrefix + Words(Name);

    private static string Words(string name)
    {
        var words = new StringBuilder();
        foreach (char letter in name)
        {
            if (char.IsUpper(letter) && words.Length > 0)
            {
                words.Append('_');
            }

            words.Append(char.ToUpperInvariant(letter));
        }

        return words.ToString();
    }

    private static bool Flag(string text) =>
        bool.TryParse(text, out bool value) ? value : throw new FormatException("true or false is expected");

    private static long Number(string text, long most) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value <= most
            ? value
            : throw new FormatException("a whole number is expected");

    private static double Share(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is >= 0 and <= 1
            ? value
            : throw new FormatException("0 to 1 is expected");

    private static TimeSpan Time(string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan value)
            ? value
            : throw new FormatException("a time as \"hh:mm:ss\" is expected");
}
