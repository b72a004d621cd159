namespace BigFs.Hosting.Kafka;

/// <summary>Makes the bus for Hosting.</summary>
internal sealed class KafkaBusEngine : BigFsBusEngine
{
    internal override IDisposableClusterBus Connect(BigFsKafkaOptions options, RoleServices services) =>
        new KafkaClusterBus(options, services.Time, services.LoggerOf<KafkaClusterBus>());
}
