namespace BigFs.Hosting;

/// <summary>How events travel between the processes of a cluster.</summary>
public static class BigFsBusKinds
{
    /// <summary>Through the name server; within one process directly. Nothing else is needed.</summary>
    public const string Relay = "relay";

    /// <summary>By the topics of a Kafka cluster; needs the package BigFs.Hosting.Kafka.</summary>
    public const string Kafka = "kafka";
}
