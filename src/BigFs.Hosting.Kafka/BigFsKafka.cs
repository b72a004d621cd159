namespace BigFs.Hosting.Kafka;

/// <summary>Kafka as the event plane of a cluster.</summary>
public static class BigFsKafka
{
    /// <summary>What <c>BusEngine</c> takes, where the other settings come from a configuration.</summary>
    public static BigFsBusEngine Engine { get; } = new KafkaBusEngine();

    /// <summary>Has the events of these roles travel by Kafka.</summary>
    /// <param name="options">The roles' settings.</param>
    /// <param name="servers">Some brokers, "host:port" apart by commas.</param>
    /// <param name="configure">Sets what else is to be set.</param>
    public static BigFsRoleHostOptions UseKafka(
        this BigFsRoleHostOptions options, string servers, Action<BigFsKafkaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Bus = BigFsBusKinds.Kafka;
        options.BusEngine = Engine;
        Set(options.Kafka, servers, configure);
        return options;
    }

    /// <summary>Has the events of a cluster in this process travel by Kafka.</summary>
    /// <param name="options">The cluster's settings.</param>
    /// <param name="servers">Some brokers, "host:port" apart by commas.</param>
    /// <param name="configure">Sets what else is to be set.</param>
    public static BigFsClusterOptions UseKafka(
        this BigFsClusterOptions options, string servers, Action<BigFsKafkaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Bus = BigFsBusKinds.Kafka;
        options.BusEngine = Engine;
        Set(options.Kafka, servers, configure);
        return options;
    }

    private static void Set(BigFsKafkaOptions kafka, string servers, Action<BigFsKafkaOptions>? configure)
    {
        kafka.Servers = servers;
        configure?.Invoke(kafka);
    }
}
