using BigFs.Core.Model;
using Confluent.Kafka;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// The client library's settings. Everything times out within seconds: what it carries is stale by then, and a broker that
/// comes back is to be noticed soon.
/// </summary>
internal sealed class KafkaClientSettings
{
    /// <summary>Events older than this are not delivered any more.</summary>
    public static readonly TimeSpan MessageTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a request for topics may take.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the library's own threads sleep when nothing happens: each of them wakes this often in a process at rest, and
    /// ends so much later at most.
    /// </summary>
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(500);

    /// <summary>What properties cannot change; all others are defaults to them.</summary>
    private static readonly HashSet<string> Own =
    [
        "bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit", "enable.auto.offset.store",
        "allow.auto.create.topics", "partitioner", "security.protocol", "sasl.username", "sasl.password", "ssl.ca.location",
        "ssl.certificate.location", "ssl.key.location", "message.timeout.ms", "acks", "request.required.acks",
    ];

    /// <summary>Translates checked options.</summary>
    /// <exception cref="BigFsException">InvalidSettings: the password cannot be read, or a property is BigFS's own.</exception>
    public KafkaClientSettings(BigFsKafkaOptions options)
    {
        Admin = new AdminClientConfig(Common(options));
        Producer = new ProducerConfig(Common(options))
        {
            Acks = Acks.Leader,
            LingerMs = 5,
            MessageTimeoutMs = (int)MessageTimeout.TotalMilliseconds,

            // The same partition for a key as clients in other languages choose.
            Partitioner = Partitioner.Murmur2Random,

            // One publisher's events stay in order over retries.
            MaxInFlight = 1,
        };
        Consumer = new ConsumerConfig(Common(options))
        {
            // Required by the library; no group is joined and no offset committed, each process reads everything.
            GroupId = options.TopicPrefix + "bigfs",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            AutoOffsetReset = AutoOffsetReset.Latest,
            FetchWaitMaxMs = 500,
            QueuedMinMessages = 1000,
            QueuedMaxMessagesKbytes = 4096,
        };
        foreach (string key in options.Properties.Keys)
        {
            SettingsCheck.Require(
                !Own.Contains(key), $"Kafka.Properties[{key}]", "set", "left out: BigFS depends on it, or has a setting of its own for it");
        }

        foreach ((string key, string value) in options.Properties)
        {
            Admin.Set(key, value);
            Producer.Set(key, value);
            Consumer.Set(key, value);
        }
    }

    /// <summary>For looking after topics.</summary>
    public AdminClientConfig Admin { get; }

    /// <summary>For publishing.</summary>
    public ProducerConfig Producer { get; }

    /// <summary>For subscribing.</summary>
    public ConsumerConfig Consumer { get; }

    private static ClientConfig Common(BigFsKafkaOptions options)
    {
        var common = new ClientConfig
        {
            BootstrapServers = options.Servers,
            ClientId = "bigfs",
            SecurityProtocol = Enum.Parse<SecurityProtocol>(options.SecurityProtocol.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),

            // Topics are made with stated partitions and retention, never by the way.
            AllowAutoCreateTopics = false,
            SocketTimeoutMs = 5000,
            SocketConnectionSetupTimeoutMs = 3000,
            SocketKeepaliveEnable = true,
            ApiVersionRequestTimeoutMs = 3000,
            ReconnectBackoffMs = 50,
            ReconnectBackoffMaxMs = 500,
            MetadataMaxAgeMs = 30_000,
            TopicMetadataRefreshIntervalMs = 10_000,
            LogConnectionClose = false,
            EnableMetricsPush = false,
            CancellationDelayMaxMs = (int)Nap.TotalMilliseconds,
        };
        if (options.SaslUsername is { } user)
        {
            common.Set("sasl.mechanism", options.SaslMechanism);
            common.SaslUsername = user;
            common.SaslPassword = options.SaslPassword ?? Password(options.SaslPasswordFile!);
        }

        Set("ssl.ca.location", options.AuthorityFile);
        Set("ssl.certificate.location", options.CertificateFile);
        Set("ssl.key.location", options.KeyFile);
        return common;

        void Set(string key, string? value)
        {
            if (value is not null)
            {
                common.Set(key, value);
            }
        }
    }

    private static string Password(string file)
    {
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        const string Setting = "Kafka.SaslPasswordFile";
        try
        {
            bool isOpen = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & Others) != 0;
            SettingsCheck.Require(!isOpen, Setting, "open to others than its owner", "readable and writable by its owner alone (chmod 600)");
            string? line = File.ReadLines(file).FirstOrDefault();
            SettingsCheck.Require(!string.IsNullOrEmpty(line), Setting, "a file without a password", "a file whose first line is the password");
            return line!;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The setting {Setting} names a file that cannot be read: {unreadable.Message}", unreadable);
        }
    }
}
