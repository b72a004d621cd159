using BigFs.Hosting;
using BigFs.Hosting.Kafka;

namespace BigFs.Cli.Roles;

/// <summary>How events travel, as the command line says it: no secrets among it.</summary>
internal sealed record BusChoice
{
    /// <summary>One of <see cref="BigFsBusKinds"/>; null when it was not said.</summary>
    public string? Bus { get; init; }

    /// <summary>Kafka's brokers; null when they were not named.</summary>
    public string? Servers { get; init; }

    /// <summary>What stands before the names of topics; null when it was not said.</summary>
    public string? Prefix { get; init; }

    /// <summary>The arguments that say the same.</summary>
    public IEnumerable<string> Arguments =>
    [
        .. Bus is null ? [] : new[] { "--bus", Bus },
        .. Servers is null ? [] : new[] { "--kafka", Servers },
        .. Prefix is null ? [] : new[] { "--kafka-prefix", Prefix },
    ];

    /// <summary>What settings say, as far as it differs from the defaults.</summary>
    public static BusChoice Of(BigFsRoleHostOptions options) => options.Bus == BigFsBusKinds.Relay ? new BusChoice() : new BusChoice
    {
        Bus = options.Bus,
        Servers = options.Kafka.Servers,
        Prefix = options.Kafka.TopicPrefix.Length > 0 ? options.Kafka.TopicPrefix : null,
    };

    /// <summary>Sets what was said; whatever was not stays.</summary>
    public void Apply(BigFsRoleHostOptions options)
    {
        options.Bus = Bus ?? options.Bus;
        options.BusEngine = BigFsKafka.Engine;
        Apply(options.Kafka);
    }

    /// <summary>Sets what was said; whatever was not stays.</summary>
    public void Apply(BigFsClusterOptions options)
    {
        options.Bus = Bus ?? options.Bus;
        options.BusEngine = BigFsKafka.Engine;
        Apply(options.Kafka);
    }

    private void Apply(BigFsKafkaOptions kafka)
    {
        kafka.Servers = Servers ?? kafka.Servers;
        kafka.TopicPrefix = Prefix ?? kafka.TopicPrefix;
    }
}
