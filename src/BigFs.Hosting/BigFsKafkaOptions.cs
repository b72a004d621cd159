using BigFs.Core.Model;

namespace BigFs.Hosting;

/// <summary>
/// How a Kafka cluster is reached; validated at the start, when <c>Bus</c> is "kafka". Nothing of it is ever logged but the
/// servers and the prefix.
/// </summary>
public sealed class BigFsKafkaOptions
{
    private const int MostPrefix = 100;

    private static readonly string[] Protocols = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
    private static readonly string[] Mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

    /// <summary>Some brokers to begin with, "host:port" apart by commas; needed.</summary>
    public string Servers { get; set; } = "";

    /// <summary>Stands before the names of all topics; letters, digits, ".", "_", "-", at most 100; default nothing.</summary>
    public string TopicPrefix { get; set; } = "";

    /// <summary>Brokers that keep each topic that is made, 0 for the Kafka cluster's own default (the default here), at most 16.</summary>
    public int ReplicationFactor { get; set; }

    /// <summary>"plaintext" (default), "ssl", "sasl_plaintext" or "sasl_ssl".</summary>
    public string SecurityProtocol { get; set; } = "plaintext";

    /// <summary>"PLAIN" (default), "SCRAM-SHA-256" or "SCRAM-SHA-512"; others by <see cref="Properties"/>.</summary>
    public string SaslMechanism { get; set; } = "PLAIN";

    /// <summary>The user, with a SASL protocol.</summary>
    public string? SaslUsername { get; set; }

    /// <summary>The user's password; excludes <see cref="SaslPasswordFile"/>.</summary>
    public string? SaslPassword { get; set; }

    /// <summary>The file whose first line is the user's password, readable by its owner alone.</summary>
    public string? SaslPasswordFile { get; set; }

    /// <summary>The authorities that sign the brokers' certificates, PEM; null (default): those of the system.</summary>
    public string? AuthorityFile { get; set; }

    /// <summary>A certificate to show to the brokers, PEM; needs <see cref="KeyFile"/>.</summary>
    public string? CertificateFile { get; set; }

    /// <summary>The private key of <see cref="CertificateFile"/>, PEM.</summary>
    public string? KeyFile { get; set; }

    /// <summary>Further properties of the client library (librdkafka), passed as they are; what has a setting here is refused.</summary>
    public IDictionary<string, string> Properties { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting and what would be right.</exception>
    internal void Validate()
    {
        string[] servers = Servers.Split(',', StringSplitOptions.TrimEntries);
        SettingsCheck.Require(servers.All(IsEndpoint), Name(nameof(Servers)), Shown(Servers), "\"host:port\", several apart by commas");
        SettingsCheck.Require(
            TopicPrefix.Length <= MostPrefix && TopicPrefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'),
            Name(nameof(TopicPrefix)),
            Shown(TopicPrefix),
            $"at most {MostPrefix} of letters, digits, \".\", \"_\" and \"-\"");
        SettingsCheck.Between(ReplicationFactor, 0, 16, Name(nameof(ReplicationFactor)));
        SettingsCheck.Require(
            Protocols.Contains(SecurityProtocol), Name(nameof(SecurityProtocol)), SecurityProtocol, string.Join(", ", Protocols));
        SettingsCheck.Require(
            Mechanisms.Contains(SaslMechanism), Name(nameof(SaslMechanism)), SaslMechanism, string.Join(", ", Mechanisms));
        bool isSasl = SecurityProtocol.StartsWith("sasl", StringComparison.Ordinal);
        bool isTls = SecurityProtocol.EndsWith("ssl", StringComparison.Ordinal);
        SettingsCheck.Require(
            SaslUsername is not null || (SaslPassword is null && SaslPasswordFile is null),
            Name(nameof(SaslUsername)),
            SaslUsername,
            "set where a password is");
        SettingsCheck.Require(
            SaslPassword is null || SaslPasswordFile is null, Name(nameof(SaslPassword)), "set beside SaslPasswordFile", "only one of them");
        SettingsCheck.Require(
            SaslUsername is null || SaslPassword is not null || SaslPasswordFile is not null,
            Name(nameof(SaslPasswordFile)),
            null,
            "the file of the user's password, or SaslPassword set");
        SettingsCheck.Require(
            SaslUsername is null || isSasl, Name(nameof(SaslUsername)), SaslUsername, "set only with a SASL SecurityProtocol");
        SettingsCheck.Require(
            !isSasl || SaslUsername is not null || Properties.ContainsKey("sasl.mechanism") || Properties.ContainsKey("sasl.mechanisms"),
            Name(nameof(SaslUsername)),
            null,
            "the user's name with a SASL SecurityProtocol");
        SettingsCheck.Require(
            CertificateFile is null == KeyFile is null, Name(nameof(CertificateFile)), CertificateFile, "set together with KeyFile");
        SettingsCheck.Require(
            isTls || (AuthorityFile is null && CertificateFile is null),
            Name(nameof(AuthorityFile)),
            AuthorityFile ?? CertificateFile,
            "set only with the SecurityProtocol ssl or sasl_ssl, as CertificateFile and KeyFile");
        foreach (string? file in new[] { AuthorityFile, CertificateFile, KeyFile, SaslPasswordFile })
        {
            SettingsCheck.Require(file is null || File.Exists(file), "Kafka", $"naming \"{file}\", which is no file", "naming files that are there");
        }
    }

    private static string Name(string property) => "Kafka." + property;

    private static string? Shown(string text) => text.Length == 0 ? null : $"\"{text}\"";

    private static bool IsEndpoint(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), out ushort port) && port > 0;
    }
}
